//! What holds over the whole simulator.

mod faults;
mod http;
mod world;
mod x;
