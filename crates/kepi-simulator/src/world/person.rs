//! People who speak for a page: an account of their own on LinkedIn, with posts of their own beside the page's.

use jiff::Timestamp;
use kepi_core::{Account, AccountId, AccountRef};
use smol_str::{SmolStr, format_smolstr};

use super::{AccountKey, Counters, Format, Network, PostFacts, PostKey, Split, World, ids};

/// The zone whose days a person's figures are in.
const ZONE: &str = "UTC";

/// A person who administers a page of LinkedIn and posts beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// `linkedin/name`.
    pub id: AccountId,
    /// The platform's own id.
    pub platform_id: SmolStr,
    /// The page that the person administers; tokens are given out in its name.
    pub page: AccountKey,
}

impl Person {
    /// What a job needs to know of the person.
    #[must_use]
    pub fn as_ref(&self) -> AccountRef {
        AccountRef { platform_id: Some(self.platform_id.clone()), ..AccountRef::new(self.id.clone(), ZONE) }
    }

    /// What the tables know of the person.
    #[must_use]
    pub fn as_account(&self) -> Account {
        Account {
            platform_id: Some(self.platform_id.clone()),
            zone: Some(ZONE.into()),
            ..Account::new(self.id.clone())
        }
    }
}

impl World {
    /// The person who speaks for each page of LinkedIn.
    #[must_use]
    pub fn people(&self) -> Vec<Person> {
        let person = |page: &super::Profile| {
            let id = AccountId::new(&format!("{}-voice", page.id)).ok()?;
            Some(Person { id, platform_id: person_urn(page.local), page: page.key })
        };
        self.accounts_of(Network::Linkedin).filter_map(person).collect()
    }

    /// The URN of the person who speaks for a page.
    pub(crate) fn person_urn(&self, page: AccountKey) -> SmolStr {
        person_urn(self.account(page).local)
    }

    /// The URN under which a person passes a post of the page on.
    #[must_use]
    pub fn persons_post(&self, post: &PostFacts) -> String {
        let kind = if post.format == Format::Video { "ugcPost" } else { "share" };
        format!("urn:li:{kind}:{}", ids::persons_post(self.account(post.key.account).local, post.key.index))
    }

    /// The page's post that a person's post passes on.
    #[must_use]
    pub fn find_persons_post(&self, urn: &str) -> Option<PostKey> {
        let (local, index) = ids::parse_persons_post(urn.rsplit(':').next()?)?;
        let account = self.local_account(Network::Linkedin, local)?.key;
        (index < self.config.posts_per_account).then_some(PostKey { account, index })
    }

    /// How many follow a person.
    #[must_use]
    pub fn persons_followers(&self, page: AccountKey, at: Timestamp) -> i64 {
        self.followers_at(page, at) / 20
    }
}

/// A third of everything: what a person's posts get of what the page's get.
pub(crate) fn thirds(split: &Split) -> Counters {
    let mut counters = split.total();
    for counter in super::Counter::ALL {
        counters[counter] /= 3;
    }
    counters
}

fn person_urn(local: u32) -> SmolStr {
    format_smolstr!("urn:li:person:aB{local}cD")
}
