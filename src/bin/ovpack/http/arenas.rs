//! How many arenas the C library's allocator has: a server's memory is bounded by them.
//!
//! By default glibc makes eight for each processor, each act allocates in whichever its threads are
//! given, and what one act has freed is of no use to another: the memory of a busy server grows for as
//! long as there are arenas that have not seen the largest act. Their number is read from the
//! environment when a process begins, so the program begins once more.

use std::os::unix::process::CommandExt as _;
use std::process::Command;

use crate::caller;

/// What glibc asks (`mallopt(3)`).
const VARIABLE: &str = "MALLOC_ARENA_MAX";
/// More make nothing faster here: threads allocate little beside what they read, hash and write.
const ARENAS: &str = "2";

/// Begins the program once more, with few arenas; goes on where the environment names a number
/// already, or the program cannot be begun again. Nothing may be open yet that the program needs.
pub(crate) fn keep_few() {
    if cfg!(not(target_env = "gnu")) || caller::environment(VARIABLE).is_some() {
        return;
    }
    let mut argv = std::env::args_os();
    let (Ok(program), Some(name)) = (std::env::current_exe(), argv.next()) else {
        return;
    };
    // It returns only where it failed; more memory is no reason to serve nobody.
    let _failed = Command::new(program)
        .arg0(name)
        .args(argv)
        .env(VARIABLE, ARENAS)
        .exec();
}
