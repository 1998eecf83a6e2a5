//! What the system says of this process, under the names that all programs have for it.

use std::{
    fs,
    str::FromStr,
    time::{SystemTime, UNIX_EPOCH},
};

use crate::metrics::{Exposition, Kind};

/// How many ticks a second has in what Linux tells programs, whatever its own clock does.
const TICKS: f64 = 100.0;

/// Writes what is known; nothing where there is no /proc.
pub(super) fn write(page: &mut Exposition, started: SystemTime) {
    if let Some(seconds) = cpu_seconds() {
        let help = "Processor time that was used, in seconds.";
        page.single("process_cpu_seconds_total", Kind::Counter, help, seconds);
    }
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    for (name, line, help) in [
        ("process_resident_memory_bytes", "VmRSS:", "Memory that is resident, in bytes."),
        ("process_virtual_memory_bytes", "VmSize:", "Memory that is mapped, in bytes."),
    ] {
        if let Some(kilobytes) = word_after::<u64>(&status, line, 0) {
            page.single(name, Kind::Gauge, help, kilobytes * 1024);
        }
    }
    if let Some(threads) = word_after::<u64>(&status, "Threads:", 0) {
        page.single("process_threads", Kind::Gauge, "Threads.", threads);
    }
    if let Ok(open) = fs::read_dir("/proc/self/fd") {
        page.single("process_open_fds", Kind::Gauge, "File descriptors that are open.", open.count());
    }
    let limits = fs::read_to_string("/proc/self/limits").unwrap_or_default();
    if let Some(most) = word_after::<u64>(&limits, "Max open files", 0) {
        page.single("process_max_fds", Kind::Gauge, "File descriptors that may be open.", most);
    }
    // By its own word: the system's would move with the clock.
    if let Ok(since) = started.duration_since(UNIX_EPOCH) {
        let help = "When the process was started, in seconds since the epoch.";
        page.single("process_start_time_seconds", Kind::Gauge, help, since.as_secs_f64());
    }
}

/// The number that stands at a place behind the beginning of a line.
fn word_after<T: FromStr>(text: &str, line: &str, at: usize) -> Option<T> {
    let rest = text.lines().find_map(|found| found.strip_prefix(line))?;
    rest.split_whitespace().nth(at)?.parse().ok()
}

/// The numbers of /proc/self/stat from the third on: what stands before may hold spaces.
fn stat(field: usize) -> Option<f64> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    let (_, numbers) = stat.rsplit_once(')')?;
    numbers.split_whitespace().nth(field - 3)?.parse().ok()
}

fn cpu_seconds() -> Option<f64> {
    Some((stat(14)? + stat(15)?) / TICKS)
}
