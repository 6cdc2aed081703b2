//! What brands have beside their accounts on platforms: a website that is measured, and a place that is reviewed.

use kepi_core::{Account, AccountId, AccountRef};
use smol_str::{SmolStr, format_smolstr};

use super::{AccountKey, World};

/// The numbers of the first brand's property and location.
const PROPERTIES: u64 = 300_000_001;
const LOCATIONS: u64 = 222;
/// The business account that holds all locations.
const BUSINESS: &str = "111";

/// The zone whose days the sites' figures are in.
const ZONE: &str = "UTC";

/// A website or a place of a brand: an account of the platform `web`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    /// `web/name`.
    pub id: AccountId,
    /// The platform's own id.
    pub platform_id: SmolStr,
    /// The brand it belongs to.
    pub brand: &'static str,
    /// Whether it is a place; a website otherwise.
    pub is_place: bool,
    /// The account in whose name tokens are given out.
    pub owner: AccountKey,
}

impl Site {
    /// What a job needs to know of it.
    #[must_use]
    pub fn as_ref(&self) -> AccountRef {
        AccountRef { platform_id: Some(self.platform_id.clone()), ..AccountRef::new(self.id.clone(), ZONE) }
    }

    /// What the tables know of it.
    #[must_use]
    pub fn as_account(&self) -> Account {
        Account {
            platform_id: Some(self.platform_id.clone()),
            brand: Some(self.brand.to_owned()),
            zone: Some(ZONE.into()),
            ..Account::new(self.id.clone())
        }
    }
}

impl World {
    /// Each brand's website and place. Brands are numbered in the order in which their accounts stand in the world.
    #[must_use]
    pub fn sites(&self) -> Vec<Site> {
        let mut sites: Vec<Site> = Vec::new();
        let mut place = 0;
        for profile in self.accounts() {
            if sites.iter().any(|site| site.brand == profile.brand) {
                continue;
            }
            let word = profile.brand.to_ascii_lowercase().replace(|c: char| !c.is_ascii_alphanumeric(), "-");
            let site = |name: &str, platform_id, is_place| Site {
                id: AccountId::new(&format!("web/{word}-{name}")).expect("brands are plain words"),
                platform_id,
                brand: profile.brand,
                is_place,
                owner: profile.key,
            };
            sites.push(site("site", format_smolstr!("properties/{}", PROPERTIES + place), false));
            let location = format_smolstr!("accounts/{BUSINESS}/locations/{}", LOCATIONS + place);
            sites.push(site("store", location, true));
            place += 1;
        }
        sites
    }
}
