//! The series of WeChat that ended in October 2025: pairs of people and times, by where they came from.

use super::*;

const READ_SOURCES: [(&str, f64); 7] = [
    ("session", 0.55),
    ("friends", 0.12),
    ("feed", 0.1),
    ("hist_msg", 0.06),
    ("other", 0.05),
    ("kanyikan", 0.08),
    ("souyisou", 0.04),
];
const SHARE_SCENES: [(&str, f64); 3] = [("friends", 0.6), ("feed", 0.3), ("other", 0.1)];
const FEED_SHARE_SOURCES: [(&str, f64); 3] = [("session", 0.21), ("feed", 0.06), ("other", 0.03)];

impl About<'_> {
    pub(super) fn of_older_series(&self) -> Option<f64> {
        let metric = self.fact.metric.as_str();
        let counters = match (self.fact.kind, &self.fact.window) {
            (SubjectKind::Account, Window::Day(day)) => {
                self.world.account_day_seen(self.key(), *day, self.fact.observed_at).content.total()
            }
            (SubjectKind::Post, _) => {
                let post = self.the_post()?;
                if metric == "delivered" {
                    return Some(self.world.followers_at(self.key(), post.published_at) as f64);
                }
                self.split(&post).total()
            }
            _ => return None,
        };
        let parts: &[(&str, f64)] = match self.dimension() {
            "" => &[("", 1.0)],
            "read_source" => &READ_SOURCES,
            "share_scene" => &SHARE_SCENES,
            "feed_share_source" => &FEED_SHARE_SOURCES,
            _ => return None,
        };
        let share = parts.iter().find(|(part, _)| *part == self.part())?.1;
        let of = |counter: Counter| (counters[counter] as f64 * share) as i64;
        let value = match metric {
            "reads" => of(Counter::Reads),
            "read_users" => of(Counter::Readers),
            "link_clicks" => of(Counter::LinkClicks),
            "link_click_users" => of(Counter::LinkClicks) * 9 / 10,
            "shares" => of(Counter::Shares),
            "share_users" => of(Counter::ShareUsers),
            "saves" | "save_users" => of(Counter::Saves),
            _ => return None,
        };
        Some(value as f64)
    }
}
