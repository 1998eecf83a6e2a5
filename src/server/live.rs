//! What a reload replaces.

use crate::{access::Access, config::Config, registry::Registry};

/// The operations, the configuration and the logins that are in force.
pub struct Live {
    /// The operations.
    pub registry: Registry,
    /// The configuration.
    pub config: Config,
    pub(crate) access: Access,
}

impl Live {
    /// Takes a configuration, with the keys in its files. Says all that is wrong with it.
    pub fn new(registry: Registry, config: Config) -> Result<Self, Vec<String>> {
        let access = Access::of(&config.auth)?;
        Ok(Self { registry, config, access })
    }
}
