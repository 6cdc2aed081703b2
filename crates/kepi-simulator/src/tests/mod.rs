//! What holds over the whole simulator.

mod faults;
mod http;
mod wechat;
mod weibo;
mod world;
mod x;
