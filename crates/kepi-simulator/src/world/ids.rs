//! The platforms' own ids, made from (account, post) and read back without a table.

use super::Network;

/// Posts of one account have room for so many ids.
const ROOM: u64 = 1_000_000;

const X_ACCOUNTS: u64 = 1_440_000_000_000_000_001;
/// Beyond 2^53, as real ones are.
const X_POSTS: u64 = 1_900_000_000_000_000_011;
const WEIBO_ACCOUNTS: u64 = 1_904_000_001;
const WEIBO_POSTS: u64 = 5_100_000_000_000_001;
const INSTAGRAM_ACCOUNTS: u64 = 17_841_400_000_000_001;
const INSTAGRAM_POSTS: u64 = 18_050_000_000_000_011;
const INSTAGRAM_STORIES: u64 = 17_900_000_000_000_011;
const LINKEDIN_ACCOUNTS: u64 = 2_414_183;
const LINKEDIN_POSTS: u64 = 7_100_000_000_000_000_001;
const LINKEDIN_PERSONS_POSTS: u64 = 7_300_000_000_000_000_001;
const XIAOHONGSHU_ACCOUNTS: u64 = 3_000_001;
const WECHAT_POSTS: u64 = 2_247_000_001;

/// The id of the `local`th account of a platform.
pub(crate) fn account(network: Network, local: u32) -> String {
    let local = u64::from(local);
    match network {
        Network::X => (X_ACCOUNTS + local).to_string(),
        Network::Wechat => format!("wx{:016x}", 0x00c0_ffee_0000_0001_u64 + local),
        Network::Weibo => (WEIBO_ACCOUNTS + local).to_string(),
        Network::Douyin => format!("00000000-aaaa-bbbb-cccc-{:012}", local + 1),
        Network::Xiaohongshu => (XIAOHONGSHU_ACCOUNTS + local).to_string(),
        Network::Instagram => (INSTAGRAM_ACCOUNTS + local).to_string(),
        Network::Linkedin => (LINKEDIN_ACCOUNTS + local).to_string(),
    }
}

/// The `local` number in an account's id.
pub(crate) fn parse_account(network: Network, id: &str) -> Option<u32> {
    let number = |first: u64| id.parse::<u64>().ok()?.checked_sub(first);
    let local = match network {
        Network::X => number(X_ACCOUNTS)?,
        Network::Wechat => {
            u64::from_str_radix(id.strip_prefix("wx")?, 16).ok()?.checked_sub(0x00c0_ffee_0000_0001)?
        }
        Network::Weibo => number(WEIBO_ACCOUNTS)?,
        Network::Douyin => {
            id.strip_prefix("00000000-aaaa-bbbb-cccc-")?.parse::<u64>().ok()?.checked_sub(1)?
        }
        Network::Xiaohongshu => number(XIAOHONGSHU_ACCOUNTS)?,
        Network::Instagram => number(INSTAGRAM_ACCOUNTS)?,
        Network::Linkedin => number(LINKEDIN_ACCOUNTS)?,
    };
    u32::try_from(local).ok()
}

/// The number of a post within its platform: what its ids are made of.
pub(crate) fn number(local: u32, index: u32) -> u64 {
    u64::from(local) * ROOM + u64::from(index)
}

/// The id of a post.
pub(crate) fn post(network: Network, local: u32, index: u32) -> String {
    let number = number(local, index);
    match network {
        Network::X => (X_POSTS + number).to_string(),
        Network::Wechat => format!("{}_1", WECHAT_POSTS + number),
        Network::Weibo => (WEIBO_POSTS + number).to_string(),
        Network::Douyin => format!("@9Vx/{number:x}+k01=="),
        Network::Xiaohongshu => format!("66aa{number:020x}"),
        Network::Instagram => (INSTAGRAM_POSTS + number).to_string(),
        Network::Linkedin => (LINKEDIN_POSTS + number).to_string(),
    }
}

/// The account and index in a post's id.
pub(crate) fn parse_post(network: Network, id: &str) -> Option<(u32, u32)> {
    let number = |first: u64| id.parse::<u64>().ok()?.checked_sub(first);
    let number = match network {
        Network::X => number(X_POSTS)?,
        Network::Wechat => id.strip_suffix("_1")?.parse::<u64>().ok()?.checked_sub(WECHAT_POSTS)?,
        Network::Weibo => number(WEIBO_POSTS)?,
        Network::Douyin => u64::from_str_radix(id.strip_prefix("@9Vx/")?.strip_suffix("+k01==")?, 16).ok()?,
        Network::Xiaohongshu => u64::from_str_radix(id.strip_prefix("66aa")?, 16).ok()?,
        Network::Instagram => number(INSTAGRAM_POSTS)?,
        Network::Linkedin => number(LINKEDIN_POSTS)?,
    };
    Some((u32::try_from(number / ROOM).ok()?, u32::try_from(number % ROOM).ok()?))
}

/// More stories no account has room for.
pub(crate) const STORIES_OF_AN_ACCOUNT: u32 = 1_000_000;

/// The id of a story on Instagram.
pub(crate) fn story(local: u32, index: u32) -> String {
    (INSTAGRAM_STORIES + number(local, index)).to_string()
}

/// The account and number in a story's id.
pub(crate) fn parse_story(id: &str) -> Option<(u32, u32)> {
    let number = id.parse::<u64>().ok()?.checked_sub(INSTAGRAM_STORIES)?;
    Some((u32::try_from(number / ROOM).ok()?, u32::try_from(number % ROOM).ok()?))
}

/// The id under which a person on LinkedIn passes on a post of the page.
pub(crate) fn persons_post(local: u32, index: u32) -> String {
    (LINKEDIN_PERSONS_POSTS + number(local, index)).to_string()
}

/// The account and index of the page's post that a person's post passes on.
pub(crate) fn parse_persons_post(id: &str) -> Option<(u32, u32)> {
    let number = id.parse::<u64>().ok()?.checked_sub(LINKEDIN_PERSONS_POSTS)?;
    Some((u32::try_from(number / ROOM).ok()?, u32::try_from(number % ROOM).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_read_back() {
        for network in Network::ALL {
            assert_eq!(parse_account(network, &account(network, 999)), Some(999), "{network}");
            assert_eq!(parse_post(network, &post(network, 999, 12_345)), Some((999, 12_345)), "{network}");
            assert_eq!(parse_post(network, "12"), None, "{network}");
        }
    }
}
