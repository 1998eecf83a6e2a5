//! What a reload replaces.

use std::{collections::BTreeMap, sync::OnceLock};

use bytes::Bytes;
use serde_json::json;

use crate::{access::Access, codegen::Description, config::Config, registry::Registry};

/// The operations, the configuration and the logins that are in force.
pub struct Live {
    /// The operations.
    pub registry: Registry,
    /// The configuration.
    pub config: Config,
    pub(crate) access: Access,
    documents: OnceLock<Result<Documents, String>>,
}

/// What is written about the operations.
pub(super) struct Documents {
    pub(super) asyncapi: Bytes,
    /// By their paths, e.g. `draft-07/get_ticker.json`.
    pub(super) schemas: BTreeMap<String, Bytes>,
    /// The paths, as a JSON list.
    pub(super) index: Bytes,
}

impl Live {
    /// Takes a configuration, with the keys in its files. Says all that is wrong with it.
    pub fn new(registry: Registry, config: Config) -> Result<Self, Vec<String>> {
        let access = Access::of(&config.auth)?;
        Ok(Self { registry, config, access, documents: OnceLock::new() })
    }

    /// What is written about the operations. It is written when it is first asked for.
    pub(super) fn documents(&self) -> Result<&Documents, &str> {
        let documents = self.documents.get_or_init(|| Documents::of(&self.registry));
        documents.as_ref().map_err(String::as_str)
    }
}

impl Documents {
    fn of(registry: &Registry) -> Result<Self, String> {
        let asyncapi =
            Description::of(registry)?.asyncapi().pop().ok_or("no AsyncAPI document was written")?;
        let schemas: BTreeMap<_, _> = registry
            .schema_documents()
            .into_iter()
            .map(|document| (document.path, Bytes::from(document.text)))
            .collect();
        let paths: Vec<_> = schemas.keys().collect();
        let index = Bytes::from(format!("{}\n", json!(paths)));
        Ok(Self { asyncapi: asyncapi.text.into(), schemas, index })
    }
}
