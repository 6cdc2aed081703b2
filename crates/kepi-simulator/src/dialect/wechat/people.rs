//! Followers and messages of an Official Account.

use kepi_core::DateSpan;

use crate::{
    Profile,
    call::{Call, shared},
    json::Array,
};

/// Where followers come from, and how many of them.
const SOURCES: [(i64, f64); 7] =
    [(0, 0.34), (1, 0.2), (17, 0.06), (30, 0.14), (57, 0.08), (161, 0.1), (200, 0.08)];

/// `getusersummary`: a row for each source that had a change.
pub(super) fn summary(call: &Call<'_>, profile: &Profile, days: DateSpan, list: &mut Array<'_>) {
    let weights = SOURCES.map(|(_, weight)| weight);
    for date in call.told_days(profile.key, days) {
        let flows = call.day(profile.key, date).flows;
        let gained = shared(flows.follows_gained, weights);
        let lost = shared(flows.follows_lost, weights);
        for (i, (source, _)) in SOURCES.iter().enumerate() {
            if gained[i] == 0 && lost[i] == 0 {
                continue;
            }
            list.object(|row| {
                row.shown("ref_date", date);
                row.int("user_source", *source);
                row.int("new_user", gained[i]);
                row.int("cancel_user", lost[i]);
            });
        }
    }
}

/// `getusercumulate`
pub(super) fn cumulate(call: &Call<'_>, profile: &Profile, days: DateSpan, list: &mut Array<'_>) {
    for date in call.told_days(profile.key, days) {
        let (_, end) = super::bounds(call, profile, date);
        list.object(|row| {
            row.shown("ref_date", date);
            row.int("cumulate_user", call.level(call.world.followers_at(profile.key, end)));
        });
    }
}

/// `getupstreammsg`: by kind of message; people who sent several kinds stand in each.
pub(super) fn messages(call: &Call<'_>, profile: &Profile, days: DateSpan, list: &mut Array<'_>) {
    for date in call.told_days(profile.key, days) {
        let flows = call.day(profile.key, date).flows;
        let counts = shared(flows.messages_in, [0.84, 0.13, 0.03]);
        for (kind, count) in [1, 2, 3].into_iter().zip(counts).filter(|(_, count)| *count > 0) {
            list.object(|row| {
                row.shown("ref_date", date);
                row.int("msg_type", kind);
                row.int("msg_user", (count * 2 / 3).max(1));
                row.int("msg_count", count);
            });
        }
    }
}

/// `getupstreammsgdist`: people by how many messages they sent.
pub(super) fn message_spread(call: &Call<'_>, profile: &Profile, days: DateSpan, list: &mut Array<'_>) {
    for date in call.told_days(profile.key, days) {
        let users = call.day(profile.key, date).flows.message_users;
        let counts = shared(users, [0.9, 0.08, 0.02]);
        for (interval, count) in [1, 2, 3].into_iter().zip(counts).filter(|(_, count)| *count > 0) {
            list.object(|row| {
                row.shown("ref_date", date);
                row.int("count_interval", interval);
                row.int("msg_user", count);
            });
        }
    }
}

/// `getinterfacesummary`
pub(super) fn interface(call: &Call<'_>, profile: &Profile, days: DateSpan, list: &mut Array<'_>) {
    for date in call.told_days(profile.key, days) {
        let calls = call.day(profile.key, date).flows.messages_in;
        list.object(|row| {
            row.shown("ref_date", date);
            row.int("callback_count", calls);
            row.int("fail_count", calls / 400);
            row.int("total_time_cost", calls * 210);
            row.int("max_time_cost", 3120);
        });
    }
}
