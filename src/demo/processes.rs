//! The processes that would fill a real cache. All of them are well.

use serde_json::json;

use super::{bots::BOTS, pair::EXCHANGES, tick::Tick};

/// After so many steps a process gives a sign of life, each in its turn.
const BEAT_EVERY: usize = 3;
/// How long a process's data is kept, in seconds.
const TIME_TO_LIVE: &str = "86400";

/// All processes.
pub(super) struct Processes {
    processes: Vec<Process>,
    steps: usize,
}

struct Process {
    id: String,
    kind: &'static str,
    component: String,
    pid: u64,
    created_at: String,
}

impl Processes {
    pub(super) fn new(tick: &mut Tick<'_>) -> Self {
        let processes: Vec<Process> =
            components().map(|(kind, component)| Process::new(kind, component, tick)).collect();
        for process in &processes {
            process.write("starting", &format!("Started {}", process.component), tick);
            tick.hset("process:components", &process.component, &process.id);
        }
        Self { processes, steps: 0 }
    }

    pub(super) fn step(&mut self, tick: &mut Tick<'_>) {
        self.steps = self.steps.wrapping_add(1);
        let turn = self.steps / BEAT_EVERY % self.processes.len().max(1);
        if self.steps.is_multiple_of(BEAT_EVERY)
            && let Some(process) = self.processes.get(turn)
        {
            let status = tick.random.pick(&["running", "running", "processing", "idle"]);
            process.write(status.copied().unwrap_or_default(), "beat", tick);
        }
    }
}

/// Every process's type and component.
fn components() -> impl Iterator<Item = (&'static str, String)> {
    let ticks = EXCHANGES.iter().map(|exchange| ("tick", format!("tick_{exchange}")));
    let bots = (0..BOTS).map(|number| ("bot", format!("bot_{number}")));
    let services = [
        ("ohlcv", "ohlcv_collector"),
        ("account", "account_sync"),
        ("order", "order_router"),
        ("bot_status_service", "bot_status"),
        ("crawler", "news_crawler"),
        ("user_trades_service", "user_trades"),
    ];
    ticks.chain(bots).chain(services.map(|(kind, component)| (kind, component.to_owned())))
}

impl Process {
    fn new(kind: &'static str, component: String, tick: &mut Tick<'_>) -> Self {
        let id = format!("{kind}:{component}:{}", tick.seconds_text());
        Self { id, kind, component, pid: tick.random.whole(1000, 10_000), created_at: tick.iso() }
    }

    fn write(&self, status: &str, message: &str, tick: &mut Tick<'_>) {
        let now = tick.iso();
        let process = json!({
            "process_id": self.id,
            "process_type": self.kind,
            "component": self.component,
            "params": { "pid": self.pid },
            "status": status,
            "message": message,
            "created_at": self.created_at,
            "updated_at": now,
            "heartbeat": now,
        });
        tick.send(&["SETEX", &format!("process:data:{}", self.id), TIME_TO_LIVE, &process.to_string()]);
        tick.hset(&format!("process:active:{}", self.kind), &self.id, &now);
    }
}
