//! Takes a changed configuration over while the server runs: on SIGHUP, or when one of its files is another.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::{ConfigFlags, Failure, Logging, live, systemd};
use crate::{
    config::{Config, DEFAULT_FILE},
    server::App,
};

/// How often it is looked whether a file is another.
const LOOK: Duration = Duration::from_secs(1);

/// Takes a changed configuration over.
pub(super) struct Reloader {
    flags: ConfigFlags,
    hang_up: Signal,
    files: Files,
    logging: Logging,
}

impl Reloader {
    pub(super) fn new(flags: ConfigFlags, config: &Config, logging: Logging) -> Result<Self, Failure> {
        let hang_up = signal(SignalKind::hangup()).map_err(Failure::new)?;
        let files = Files::of(&flags, config);
        Ok(Self { flags, hang_up, files, logging })
    }

    /// Reloads for ever.
    pub(super) async fn run(mut self, app: Arc<App>) {
        loop {
            tokio::select! {
                _ = self.hang_up.recv() => tracing::info!("asked to reload"),
                () = self.files.changed() => tracing::info!("a file of the configuration has changed"),
            }
            systemd::reloading();
            match self.reload(&app) {
                Ok(()) => {
                    app.note_reload(true);
                    tracing::info!("reloaded");
                }
                // All of what was in force stays so.
                Err(failure) => {
                    app.note_reload(false);
                    tracing::error!("not reloaded: {}", failure.message);
                }
            }
            systemd::ready();
        }
    }

    fn reload(&mut self, app: &App) -> Result<(), Failure> {
        // What is written while it is read is to be read once more.
        let before = self.files.look();
        self.files.seen.clone_from(&before);
        if let Some(gone) = self.files.loaded.iter().find(|path| before[*path].is_none()) {
            // It may be on its way; to go on without it could open what it had closed.
            return Err(Failure::new(format!("{} is gone", gone.display())));
        }
        let (config, _) = self.flags.load()?;
        let mut files = Files::of(&self.flags, &config);
        let level = config.log.level.clone();
        let is_another = level != app.live().config.log.level;
        app.reload(live(config)?).map_err(Failure::new)?;
        if is_another {
            self.logging.set_level(&level)?;
        }
        files.seen.extend(before.into_iter().filter(|(path, _)| files.paths.contains(path)));
        self.files = files;
        Ok(())
    }
}

/// The files that a configuration is made of, as they were when they were last read.
struct Files {
    paths: Vec<PathBuf>,
    seen: BTreeMap<PathBuf, Fingerprint>,
    /// Those that were there when the configuration in force was made.
    loaded: BTreeSet<PathBuf>,
}

/// What tells one state of a file from another.
type Fingerprint = Option<(SystemTime, u64)>;

impl Files {
    fn of(flags: &ConfigFlags, config: &Config) -> Self {
        let mut paths = vec![flags.file().unwrap_or_else(|| DEFAULT_FILE.into()), ".env".into()];
        paths.extend(config.operations_file.clone());
        paths.extend(config.auth.issuers.iter().filter_map(|issuer| issuer.key_file.clone()));
        for (_, address) in config.listen.addresses() {
            if let Some(tls) = address.tls() {
                paths.extend([tls.certificate.clone(), tls.key.clone()]);
                paths.extend(tls.client_ca.clone());
            }
        }
        let mut files = Self { paths, seen: BTreeMap::new(), loaded: BTreeSet::new() };
        files.seen = files.look();
        let are_there = files.seen.iter().filter(|(_, fingerprint)| fingerprint.is_some());
        files.loaded = are_there.map(|(path, _)| path.clone()).collect();
        files
    }

    fn look(&self) -> BTreeMap<PathBuf, Fingerprint> {
        self.paths.iter().map(|path| (path.clone(), fingerprint(path))).collect()
    }

    /// Waits until one is another than it was, and stays so for a moment: some are written in steps.
    async fn changed(&mut self) {
        let mut before = None;
        loop {
            tokio::time::sleep(LOOK).await;
            let now = self.look();
            if now != self.seen && before.as_ref() == Some(&now) {
                self.seen = now;
                return;
            }
            before = Some(now);
        }
    }
}

fn fingerprint(path: &Path) -> Fingerprint {
    let found = std::fs::metadata(path).ok()?;
    Some((found.modified().ok()?, found.len()))
}
