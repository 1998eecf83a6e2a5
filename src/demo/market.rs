//! The simulated market as a whole.

use std::time::Duration;

use jiff::Timestamp;
use tokio::{
    sync::watch,
    time::{MissedTickBehavior, interval},
};

use super::{
    accounts::Accounts, bars::Bars, bots::Bots, orders::Orders, processes::Processes, quotes::Quotes,
    random::Random, tick::Tick, trades::Trades,
};
use crate::cache::Store;

/// How long a step stands for.
const STEP: Duration = Duration::from_millis(100);
/// The steps that a market has behind it when it opens, so that there are trades, and orders in every state.
const STEPS_BEFORE: u32 = 1000;

/// A simulated market: it fills a store with what the cache's real writer would write, and keeps it moving.
///
/// The same seed makes the same market, apart from what the clock brings in: times, and when bars begin.
pub struct Market {
    store: Store,
    simulation: Simulation,
}

impl Market {
    /// Fills the store with a market that has been open for a while. What the store does not take, because
    /// a key holds something else there, is logged and left out.
    pub fn new(store: Store, seed: u64) -> Self {
        let (simulation, commands) = Simulation::new(seed, Timestamp::now());
        if let Err(error) = apply(&store, &commands) {
            tracing::error!(error, "the simulated market could not fill the cache");
        }
        Self { store, simulation }
    }

    /// Makes one tick of changes: about twenty writes. The error tells the first that the store did not take;
    /// the others are made all the same.
    pub fn step(&mut self) -> Result<(), String> {
        apply(&self.store, &self.simulation.step(Timestamp::now()))
    }

    /// Steps ten times a second until `stop` becomes true or its sender is gone.
    pub async fn run(mut self, mut stop: watch::Receiver<bool>) {
        let mut ticks = interval(STEP);
        // After the machine slept, the market goes on; it does not catch up.
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut failing = false;
        loop {
            tokio::select! {
                biased;
                _ = stop.wait_for(|stop| *stop) => return,
                _ = ticks.tick() => {}
            }
            let stepped = self.step();
            // What fails is likely to fail ten times a second; once is enough in the log.
            if let (Err(error), false) = (&stepped, failing) {
                tracing::error!(error, "a step of the simulated market failed");
            }
            failing = stepped.is_err();
        }
    }
}

fn apply(store: &Store, commands: &[Vec<String>]) -> Result<(), String> {
    let mut failed = commands.iter().filter_map(|command| store.apply(command).err());
    let first = failed.next();
    // One command that fails keeps none of the others from their work.
    failed.for_each(drop);
    first.map_or(Ok(()), Err)
}

/// The market without its store: it turns times into commands.
struct Simulation {
    random: Random,
    quotes: Quotes,
    bars: Bars,
    accounts: Accounts,
    orders: Orders,
    trades: Trades,
    bots: Bots,
    processes: Processes,
}

impl Simulation {
    /// The market as it is now, and the commands that made it.
    fn new(seed: u64, now: Timestamp) -> (Self, Vec<Vec<String>>) {
        let ago = |steps| now.checked_sub(STEP * steps).unwrap_or(now);
        let mut random = Random::new(seed);
        let mut tick = Tick::new(ago(STEPS_BEFORE), &mut random);
        let quotes = Quotes::new(&mut tick);
        let bars = Bars::new(&quotes, &mut tick);
        let mut accounts = Accounts::new(&mut tick);
        let orders = Orders::new(&quotes, &mut accounts, &mut tick);
        let bots = Bots::new(&mut tick);
        let processes = Processes::new(&mut tick);
        let mut commands = tick.into_commands();
        let trades = Trades::default();
        let mut simulation = Self { random, quotes, bars, accounts, orders, trades, bots, processes };
        commands.extend((0..STEPS_BEFORE).rev().flat_map(|steps| simulation.step(ago(steps))));
        (simulation, commands)
    }

    fn step(&mut self, now: Timestamp) -> Vec<Vec<String>> {
        let mut tick = Tick::new(now, &mut self.random);
        self.quotes.step(&mut self.trades, &mut tick);
        self.bars.step(&self.quotes, &mut tick);
        self.orders.step(&self.quotes, &mut self.accounts, &mut self.trades, &mut tick);
        self.bots.step(&mut tick);
        self.processes.step(&mut tick);
        tick.into_commands()
    }
}

#[cfg(test)]
mod tests;
