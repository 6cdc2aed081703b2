//! The loop on a toy platform with a journal in memory.

mod crash;
mod pass;
mod planning;
mod real_store;
mod schedule;
mod toy;
mod zeros;
