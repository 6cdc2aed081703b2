//! The loop: jobs, schedule, windows, resume, run history.
