//! Runs this program once more, under callgrind, and reads how many instructions that took.

use std::process::Command;

/// `of_tool`: what callgrind is told besides; `arguments`: what the program is told.
pub(crate) fn count(of_tool: &[&str], arguments: &[&str]) -> Result<u64, String> {
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .args(of_tool)
        .arg(program)
        .args(arguments)
        .output()
        .map_err(|error| format!("valgrind: {error}"))?;
    let text = String::from_utf8_lossy(&output.stderr);
    let counted = text.lines().find_map(|line| line.split_once("Collected :"));
    let counted = counted.and_then(|(_, count)| count.trim().parse().ok());
    counted.ok_or_else(|| format!("valgrind has counted nothing:\n{text}"))
}
