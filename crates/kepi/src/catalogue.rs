//! The KPIs that come with the program: by goal, and by platform where formulas differ.

use kepi_core::{Error, Result};
use kepi_engine::{Source, Starter};

const FILES: &[(&str, &str)] = &[
    ("brand-awareness.toml", include_str!("../../../config/kpis/brand-awareness.toml")),
    ("engagement.toml", include_str!("../../../config/kpis/engagement.toml")),
    ("community-growth.toml", include_str!("../../../config/kpis/community-growth.toml")),
    ("web-traffic.toml", include_str!("../../../config/kpis/web-traffic.toml")),
    ("lead-generation.toml", include_str!("../../../config/kpis/lead-generation.toml")),
    ("revenue.toml", include_str!("../../../config/kpis/revenue.toml")),
    ("reputation.toml", include_str!("../../../config/kpis/reputation.toml")),
    ("retention.toml", include_str!("../../../config/kpis/retention.toml")),
    ("douyin.toml", include_str!("../../../config/kpis/douyin.toml")),
    ("instagram.toml", include_str!("../../../config/kpis/instagram.toml")),
    ("linkedin.toml", include_str!("../../../config/kpis/linkedin.toml")),
    ("web.toml", include_str!("../../../config/kpis/web.toml")),
    ("wechat.toml", include_str!("../../../config/kpis/wechat.toml")),
    ("weibo.toml", include_str!("../../../config/kpis/weibo.toml")),
    ("x.toml", include_str!("../../../config/kpis/x.toml")),
    ("xiaohongshu.toml", include_str!("../../../config/kpis/xiaohongshu.toml")),
];

/// Their files.
///
/// # Errors
/// When a file is not lawful, which a test excludes.
pub(crate) fn starters() -> Result<Vec<Starter>> {
    let source = |(name, text): &(&str, &str)| Source { name: (*name).to_owned(), text: (*text).to_owned() };
    let sources: Vec<Source> = FILES.iter().map(source).collect();
    kepi_engine::starters(&sources).map_err(|faults| {
        let first = faults.first().map(|fault| format!("{}: {}", fault.file, fault.message));
        Error::bad_config(format!("the shipped KPIs cannot be read: {}", first.unwrap_or_default()))
            .hint("this is a fault of the program; please report it")
    })
}
