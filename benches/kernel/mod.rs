//! What a process has used, by the kernel's account.

use std::time::Duration;

/// The processor time of all its threads.
///
/// # Errors
/// If it is gone.
pub(crate) fn cpu_time(pid: u32) -> Result<Duration, String> {
    let stat = proc(pid, "stat")?;
    // The name may hold anything, and ends with the last parenthesis. utime and stime are the 14th and 15th field, in
    // hundredths of a second on every Linux.
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |index: usize| fields.get(index).and_then(|field| field.parse::<u64>().ok());
    let used = ticks(11).zip(ticks(12)).ok_or("/proc/PID/stat has no times")?;
    Ok(Duration::from_millis(10 * (used.0 + used.1)))
}

/// Resident memory in bytes, and the most that it was.
///
/// # Errors
/// If it is gone.
pub(crate) fn memory(pid: u32) -> Result<(u64, u64), String> {
    let status = proc(pid, "status")?;
    let kilobytes = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok())
    };
    let (now, most) = kilobytes("VmRSS:").zip(kilobytes("VmHWM:")).ok_or("/proc/PID/status has no sizes")?;
    Ok((now * 1024, most * 1024))
}

fn proc(pid: u32, file: &str) -> Result<String, String> {
    let path = format!("/proc/{pid}/{file}");
    std::fs::read_to_string(&path).map_err(|error| format!("{path}: {error}"))
}
