//! Which source of visits is which social platform.

use std::{cell::RefCell, collections::HashMap};

use crate::config::WebConfig;

/// Platform → names of sources. A name with a dot stands for its subdomains too. A change of these rules is
/// another version of [`crate::descriptor::SOURCE_RULES`].
pub(crate) const DEFAULT_RULES: [(&str, &[&str]); 10] = [
    ("douyin", &["douyin.com", "iesdouyin.com", "douyin"]),
    ("facebook", &["facebook.com", "fb.com", "facebook", "fb"]),
    ("instagram", &["instagram.com", "instagram", "ig"]),
    ("linkedin", &["linkedin.com", "lnkd.in", "linkedin"]),
    ("tiktok", &["tiktok.com", "tiktok"]),
    ("wechat", &["weixin.qq.com", "wechat.com", "weixin", "wechat"]),
    ("weibo", &["weibo.com", "weibo.cn", "weibo"]),
    ("x", &["t.co", "x.com", "twitter.com", "twitter"]),
    ("xiaohongshu", &["xiaohongshu.com", "xhslink.com", "xiaohongshu"]),
    ("youtube", &["youtube.com", "youtu.be", "youtube"]),
];

/// The rules of the settings, with what was found by them.
pub(super) struct Sources<'c> {
    rules: HashMap<&'c str, &'c str>,
    found: RefCell<HashMap<String, Option<&'c str>>>,
}

impl<'c> Sources<'c> {
    pub(super) fn new(config: &'c WebConfig) -> Self {
        let rules = config
            .source_rules()
            .flat_map(|(platform, names)| names.into_iter().map(move |name| (name, platform)))
            .collect();
        Self { rules, found: RefCell::default() }
    }

    /// The platform of a source: of its whole name, or of a domain that it lies within.
    pub(super) fn platform(&self, source: &str) -> Option<&'c str> {
        if let Some(known) = self.found.borrow().get(source) {
            return *known;
        }
        let lower = source.to_lowercase();
        let within = lower.match_indices('.').filter_map(|(at, _)| lower.get(at + 1..));
        let mut names = std::iter::once(lower.as_str()).chain(within.filter(|domain| domain.contains('.')));
        let platform = names.find_map(|name| self.rules.get(name).copied());
        self.found.borrow_mut().insert(source.to_owned(), platform);
        platform
    }
}

/// Whether Google's default channel is of social or video platforms.
pub(super) fn is_social(channel: &str) -> bool {
    matches!(channel, "Organic Social" | "Paid Social" | "Organic Video" | "Paid Video")
}

/// Whether visits of a default channel were paid for; `None` where the channel does not tell.
pub(super) fn is_paid(channel: &str) -> Option<bool> {
    match channel {
        "Unassigned" => None,
        channel if channel.starts_with('(') => None,
        "Display" | "Cross-network" => Some(true),
        channel => Some(channel.starts_with("Paid ")),
    }
}
