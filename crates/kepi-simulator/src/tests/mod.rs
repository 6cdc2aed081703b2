//! What holds over the whole simulator.

mod control;
mod douyin;
mod faults;
mod http;
mod instagram;
mod linkedin;
mod web;
mod wechat;
mod weibo;
mod world;
mod x;
mod xiaohongshu;
