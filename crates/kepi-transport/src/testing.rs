//! What tests need: a clock that is moved by hand, a wire that answers from a script, a proxy that breaks
//! connections.

mod clock;
mod proxy;
mod wire;

pub use clock::{Hold, ManualClock};
pub use proxy::{FaultProxy, Mishap};
pub use wire::{ScriptedWire, Seen};
