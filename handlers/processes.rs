//! The processes that fill and use the cache, and whether they are well.

use fullon_cache_api::prelude::*;

/// What a process does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProcessType {
    Tick,
    Ohlcv,
    Bot,
    Account,
    Order,
    BotStatusService,
    Crawler,
    UserTradesService,
}

/// One process.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Process {
    /// `{type}:{component}:{unix time}`.
    pub process_id: String,
    /// What it does.
    pub process_type: String,
    /// The part of the system that it is, e.g. `tick_binance`.
    pub component: String,
    /// What it was started with.
    pub params: Option<serde_json::Value>,
    /// `starting`, `running`, `processing`, `idle`, `error`, `stopped`.
    pub status: String,
    /// What it last said.
    pub message: Option<String>,
    /// When it was started.
    pub created_at: Option<Seconds>,
    /// When it last changed.
    pub updated_at: Option<Seconds>,
    /// When it was last known to live.
    pub heartbeat: Option<Seconds>,
}

static PROCESS: Shape<Process> = Shape::new();

/// How far back health looks, in seconds; a heartbeat older than that is stale.
const HEALTH_WINDOW: f64 = 60.0 * 60.0;

/// A process that was seen of late.
struct Seen {
    process_id: String,
    stored: Stored,
}

/// The processes whose last update lies after a time and whose data still exists.
async fn seen_since(view: &View, since: f64) -> Result<Vec<Seen>> {
    let types = view.keys("active").await?;
    let mut recent = Vec::new();
    for (process_id, updated) in view.each_hash(&types).await?.into_iter().flatten() {
        let updated = updated.time().map(|time| time.parse::<f64>().unwrap_or(f64::NEG_INFINITY));
        if view.healthy(&process_id, updated).is_some_and(|updated| updated >= since) {
            recent.extend(
                view.healthy(&process_id, view.found_with("process", &[("process_id", &process_id)])),
            );
        }
    }
    let stored = view.each_text(&recent).await?;
    let seen = recent.iter().zip(stored);
    Ok(seen
        .filter_map(|(found, stored)| Some(Seen { process_id: found.name().to_owned(), stored: stored? }))
        .collect())
}

/// Whether the processes are well. Looked at are those that were updated within the last 60 minutes and
/// whose data still exists.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Health {
    /// Whether none is stale and none in `error`.
    pub healthy: bool,
    /// How many there are.
    pub total_processes: usize,
    /// How many of each type.
    pub by_type: BTreeMap<String, usize>,
    /// How many in each state.
    pub by_status: BTreeMap<String, usize>,
    /// The ids of those whose heartbeat is older than 60 minutes.
    pub stale_processes: Vec<String>,
    /// The ids of those in `error`.
    pub error_processes: Vec<String>,
}

/// Whether the processes are well.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GetSystemHealth {}

impl Query for GetSystemHealth {
    type Output = Health;

    async fn run(&self, view: &View) -> Result<Json<Health>> {
        health(view).await
    }
}

async fn health(view: &View) -> Result<Json<Health>> {
    let Seconds(now) = Seconds::now();
    let mut health = Health {
        healthy: true,
        total_processes: 0,
        by_type: BTreeMap::new(),
        by_status: BTreeMap::new(),
        stale_processes: Vec::new(),
        error_processes: Vec::new(),
    };
    for Seen { process_id, stored } in seen_since(view, now - HEALTH_WINDOW).await? {
        let checked = PROCESS.read(&stored).and_then(|_| stored.fields());
        let Some(fields) = view.healthy(&process_id, checked) else { continue };
        let text = |name| fields.text(name).unwrap_or_default().into_owned();
        let status = text("status");
        health.total_processes += 1;
        *health.by_type.entry(text("process_type")).or_default() += 1;
        if status == "error" {
            health.error_processes.push(process_id.clone());
        }
        *health.by_status.entry(status).or_default() += 1;
        if fields.time("heartbeat").is_none_or(|heartbeat| heartbeat < now - HEALTH_WINDOW) {
            health.stale_processes.push(process_id);
        }
    }
    health.healthy = health.stale_processes.is_empty() && health.error_processes.is_empty();
    // In an order that does not change with every read.
    health.stale_processes.sort_unstable();
    health.error_processes.sort_unstable();
    Json::of(&health)
}

/// Whether the processes are well, whenever that changes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StreamProcessHealth {}

impl Watch for StreamProcessHealth {
    type Update = Health;

    async fn read(view: &View, state: &mut State<'_, Health>) -> Result<()> {
        let health = health(view).await?;
        state.put_only(view, health);
        Ok(())
    }
}

/// The processes that were updated within the last 60 minutes, whenever one changes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StreamProcesses {
    /// Only those of this type.
    pub process_type: Option<ProcessType>,
}

impl Watch for StreamProcesses {
    type Update = Process;

    async fn read(view: &View, state: &mut State<'_, Process>) -> Result<()> {
        let Seconds(now) = Seconds::now();
        for Seen { process_id, stored } in seen_since(view, now - HEALTH_WINDOW).await? {
            // A process id begins with its type.
            let process_type = process_id.split(':').next().unwrap_or_default();
            state.put(view, (process_type, &process_id), stored.bytes(), || PROCESS.read(&stored));
        }
        Ok(())
    }
}

/// The processes that were updated of late, the newest first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GetActiveProcesses {
    /// Only those of this type.
    pub process_type: Option<ProcessType>,
    /// Only those of this component.
    pub component: Option<Component>,
    /// How far back to look, in minutes.
    #[serde(default = "five")]
    #[schemars(range(min = 1, max = 1440))]
    pub since_minutes: u32,
}

const fn five() -> u32 {
    5
}

impl Query for GetActiveProcesses {
    type Output = Vec<Process>;

    async fn run(&self, view: &View) -> Result<Json<Vec<Process>>> {
        let Seconds(now) = Seconds::now();
        let seen = seen_since(view, now - f64::from(self.since_minutes) * 60.0).await?;
        let mut found = Vec::new();
        for Seen { process_id, stored } in &seen {
            let Some(fields) = view.healthy(process_id, stored.fields()) else { continue };
            let component = fields.text("component");
            if self.component.as_deref().is_none_or(|wanted| component.as_deref() == Some(wanted)) {
                let updated = fields.time("updated_at").unwrap_or(f64::NEG_INFINITY);
                found
                    .extend(view.healthy(process_id, PROCESS.read(stored)).map(|process| (updated, process)));
            }
        }
        found.sort_by(|(a, _), (b, _)| b.total_cmp(a));
        let mut list = JsonList::new();
        list.extend(found.into_iter().map(|(_, process)| process));
        Ok(list.finish())
    }
}

/// One process.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GetProcess {
    pub process_id: ProcessId,
}

impl Query for GetProcess {
    type Output = Process;

    async fn run(&self, view: &View) -> Result<Json<Process>> {
        let stored = view.text("process").await?;
        PROCESS.read(&stored.ok_or_else(|| miss!("Process {} not found in cache", self.process_id))?)
    }
}

/// The process of one component.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GetComponentStatus {
    pub component: Component,
}

impl Query for GetComponentStatus {
    type Output = Process;

    async fn run(&self, view: &View) -> Result<Json<Process>> {
        let none = || miss!("Component {} has no process in cache", self.component);
        let process_id = view.hash_field("components", &self.component).await?.ok_or_else(none)?;
        let key = view.key_with("process", &[("process_id", process_id.text()?)])?;
        PROCESS.read(&view.text(&key).await?.ok_or_else(none)?)
    }
}

/// How many processes and components are registered, however old they are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ProcessMetrics {
    /// How many processes of each type.
    pub by_type: BTreeMap<String, u64>,
    /// How many components.
    pub components: u64,
    /// How many processes.
    pub total: u64,
}

/// How many processes and components are registered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GetProcessMetrics {}

impl Query for GetProcessMetrics {
    type Output = ProcessMetrics;

    async fn run(&self, view: &View) -> Result<Json<ProcessMetrics>> {
        let types = view.keys("active").await?;
        let counts = view.each_hash_len(&types).await?;
        Json::of(&ProcessMetrics {
            total: counts.iter().sum(),
            by_type: types.iter().map(|found| found.name().to_owned()).zip(counts).collect(),
            components: view.hash_len("components").await?,
        })
    }
}

submit! {
    Operation::stream::<StreamProcessHealth>("stream_process_health", "Whether the processes are well.", "process_health_update")
        .ages()
        .sends(&[Verb::Scan, Verb::HScan, Verb::Get])
        .examples(&["{}"]),
    Operation::stream::<StreamProcesses>("stream_processes", "The processes.", "process_update")
        .ages()
        .grouped_by("process_type")
        .named_by(&["process_id"])
        .sends(&[Verb::Scan, Verb::HScan, Verb::Get])
        .examples(&["{}", r#"{"process_type": "tick"}"#]),
    Operation::read::<GetSystemHealth>("get_system_health", "Whether the processes are well.")
        .sends(&[Verb::Scan, Verb::HScan, Verb::Get])
        .examples(&["{}"]),
    Operation::read::<GetActiveProcesses>("get_active_processes", "The processes that were updated of late.")
        .sends(&[Verb::Scan, Verb::HScan, Verb::Get])
        .examples(&["{}", r#"{"process_type": "tick", "since_minutes": 60}"#]),
    Operation::read::<GetProcess>("get_process", "One process.")
        .sends(&[Verb::Get])
        .may_miss()
        .examples(&[r#"{"process_id": "tick:tick_binance:1795380452.919568"}"#]),
    Operation::read::<GetComponentStatus>("get_component_status", "The process of one component.")
        .sends(&[Verb::HGet, Verb::Get])
        .may_miss()
        .examples(&[r#"{"component": "tick_binance"}"#]),
    Operation::read::<GetProcessMetrics>("get_process_metrics", "How many processes and components there are.")
        .sends(&[Verb::Scan, Verb::HLen])
        .examples(&["{}"]),
}
