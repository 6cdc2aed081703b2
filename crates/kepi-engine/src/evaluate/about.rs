//! Which accounts a KPI is about: those of its platforms that were asked for and that have numbers of its side. An account
//! of which public numbers alone are known is of others, and one that is watched before its first number: own KPIs neither
//! count nor miss it.

use datafusion::{logical_expr::col, prelude::SessionContext};
use kepi_core::Result;
use smol_str::SmolStr;

use super::{
    expression::valid,
    request::EvaluationRequest,
    table::{Rows, failed, text},
};
use crate::kpi::{Kpi, Side};

/// An account of the store.
#[derive(Debug, Clone)]
pub(crate) struct KnownAccount {
    pub(crate) id: SmolStr,
    pub(crate) platform: SmolStr,
    pub(crate) brand: Option<SmolStr>,
    pub(crate) market: Option<SmolStr>,
    pub(crate) zone: SmolStr,
    /// Whether it is ours.
    pub(crate) own: bool,
    /// Whether its public numbers are looked at.
    pub(crate) public: bool,
}

impl KnownAccount {
    /// One that only facts name: it is about whatever they tell.
    pub(super) fn of_facts(id: &str) -> Self {
        Self {
            id: SmolStr::new(id),
            platform: SmolStr::new(platform_of(id)),
            brand: None,
            market: None,
            zone: SmolStr::default(),
            own: true,
            public: true,
        }
    }

    /// Whether numbers of a side are expected of it.
    pub(crate) fn gives(&self, side: Side) -> bool {
        match side {
            Side::Own => self.own,
            Side::Public => self.public,
        }
    }

    /// Whether a KPI is about it.
    pub(crate) fn concerns(&self, request: &EvaluationRequest, kpi: &Kpi) -> bool {
        kpi.covers(&self.platform) && self.gives(kpi.provenance) && self.is_asked(request)
    }

    /// Whether the request asks for it.
    pub(crate) fn is_asked(&self, request: &EvaluationRequest) -> bool {
        request
            .accounts
            .as_ref()
            .is_none_or(|accounts| accounts.iter().any(|wanted| wanted.as_str() == self.id))
    }
}

/// The platform of an account's id.
pub(crate) fn platform_of(account: &str) -> &str {
    account.split_once('/').map_or(account, |(platform, _)| platform)
}

/// The accounts of which numbers are expected, by id: those that the configuration names, and those that gave any. Of
/// others the store knows the name alone: an import that came to nothing may have left it.
pub(crate) async fn known_accounts(
    ctx: &SessionContext,
    request: &EvaluationRequest,
) -> Result<Vec<KnownAccount>> {
    let frame = ctx.table("accounts").await.map_err(failed)?;
    let expected = col("configured").or(col("first_observed_at").is_not_null());
    let frame = frame.filter(valid(request.as_of).and(expected)).map_err(failed)?;
    let names = ["platform", "account", "brand", "market", "zone"];
    let mut columns: Vec<_> = names.map(col).into();
    let firsts = ["first_observed_at", "first_own_at", "first_public_at"];
    columns.extend(firsts.map(|name| col(name).is_not_null().alias(name)));
    let rows = Rows::collect(frame.select(columns).map_err(failed)?).await?;
    let [platform, id, brand, market, zone] = names.map(|name| rows.texts(name));
    let (platform, id, brand, market, zone) = (platform?, id?, brand?, market?, zone?);
    let [observed, own, public] = firsts.map(|name| rows.flags(name));
    let (observed, own, public) = (observed?, own?, public?);
    let mut accounts: Vec<KnownAccount> = (0..rows.len())
        .map(|row| {
            let id = text(&id, row).unwrap_or_default();
            let watched = request.watched.iter().any(|account| account.as_str() == id);
            let (own, public) = (own.value(row), public.value(row));
            KnownAccount {
                id,
                platform: text(&platform, row).unwrap_or_default(),
                brand: text(&brand, row),
                market: text(&market, row),
                zone: text(&zone, row).unwrap_or_default(),
                own: own || !(public || watched),
                // A row of an older kepi tells of both sides as one.
                public: public || watched || (observed.value(row) && !own),
            }
        })
        .collect();
    accounts.sort_by(|a, b| a.id.cmp(&b.id));
    accounts.dedup_by(|a, b| a.id == b.id);
    Ok(accounts)
}

/// The same in SQL, of rows `f` that have an account: that a KPI of a side is about it.
#[must_use]
pub fn accounts_of_side(side: Side) -> String {
    let holds = match side {
        Side::Own => "first_own_at is not null or first_public_at is null",
        Side::Public => {
            "first_public_at is not null or (first_observed_at is not null and first_own_at is null)"
        }
    };
    format!("f.account in (select account from accounts where current and ({holds}))")
}
