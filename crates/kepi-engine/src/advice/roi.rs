//! What money brought, by campaign and platform: return on ad spend, return on investment and return after the cost of
//! goods are three numbers, and each attribution stands in a row of its own.

use std::collections::{BTreeMap, BTreeSet};

use datafusion::prelude::SessionContext;
use kepi_core::{DateSpan, Result, SubjectKind, Traffic};
use serde::Serialize;
use smol_str::SmolStr;

use super::{ExchangeRate, Money, Scope};
use crate::{
    EvaluationRequest,
    evaluate::{Dimension, Entry, Span, ledger, platform_of},
    number::Number,
};

/// What is spent and what happens to the advertising itself.
const COSTS: [&str; 3] = ["spend", "ad_impressions", "ad_clicks"];
/// What someone attributes to it.
const RETURNS: [&str; 6] = ["revenue", "gross_margin", "conversions", "orders", "leads", "new_customers"];
/// What orders are held against.
const SHOP: [&str; 1] = ["product_clicks"];

/// What the money of one scope brought, as one source counts it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RoiRow {
    /// The campaign, platform or account.
    pub scope: Scope,
    /// Who attributes the returns: a platform, and its window or way where it tells several apart.
    pub attribution: Option<String>,
    /// Whose money brought what is returned; `paid` of advertising, `unknown` of a table that does not say.
    pub traffic: Option<Traffic>,
    /// The period.
    pub period: Span,
    /// The currency of all amounts; null where the sources do not say, or where several are not brought into one.
    pub currency: Option<String>,
    /// What was spent.
    pub spend: Option<Number>,
    /// What was sold.
    pub revenue: Option<Number>,
    /// What is left of it after the cost of goods.
    pub gross_margin: Option<Number>,
    /// Revenue over spend: 3 means three earned for one spent.
    pub roas: Option<f64>,
    /// Revenue less spend, over spend.
    pub roi: Option<f64>,
    /// Margin less spend, over spend.
    pub margin_roi: Option<f64>,
    /// Paid clicks over paid impressions.
    pub ctr: Option<f64>,
    /// Spend over paid clicks.
    pub cpc: Option<f64>,
    /// Conversions.
    pub conversions: Option<Number>,
    /// Conversions over paid clicks.
    pub conversion_rate: Option<f64>,
    /// Spend over conversions.
    pub cpa: Option<f64>,
    /// Orders.
    pub orders: Option<Number>,
    /// Orders over clicks on products.
    pub shop_conversion_rate: Option<f64>,
    /// Leads.
    pub leads: Option<Number>,
    /// Spend over leads.
    pub cpl: Option<f64>,
    /// First-time buyers.
    pub new_customers: Option<Number>,
    /// Spend over first-time buyers.
    pub cac: Option<f64>,
    /// The rates at which money was converted.
    pub rates: Vec<ExchangeRate>,
    /// What a reader must know.
    pub notes: Vec<String>,
}

/// Reads what money brought in the request's period: by campaign where `by` has it, else by account or platform.
///
/// Spend is added over the sources of a scope once it is in one currency. Returns never are: each source attributes in
/// its own way and window. A source that tells its own spend is held against that; one that tells returns only, such
/// as a shop, against the spend of all the others.
///
/// # Errors
/// When a table is missing or cannot be read.
pub async fn roi(ctx: &SessionContext, request: &EvaluationRequest, money: &Money) -> Result<Vec<RoiRow>> {
    let request = &EvaluationRequest { by: non_time(&request.by), ..request.clone() };
    let entries = entries(ctx, request).await?;
    let mut scopes: BTreeMap<Scope, Vec<Entry>> = BTreeMap::new();
    for entry in entries {
        scopes.entry(scope(&request.by, &entry)).or_default().push(entry);
    }
    let mut rows = Vec::new();
    for (scope, entries) in scopes {
        rows.extend(rows_of(&scope, &entries, request.period.span, money));
    }
    Ok(rows)
}

fn non_time(by: &[Dimension]) -> Vec<Dimension> {
    by.iter().copied().filter(|dimension| dimension.grain().is_none()).collect()
}

/// Sums of campaigns where they are asked for; else of accounts, and of the campaigns of accounts that tell none.
pub(super) async fn entries(ctx: &SessionContext, request: &EvaluationRequest) -> Result<Vec<Entry>> {
    let metrics: Vec<&'static str> = COSTS.into_iter().chain(RETURNS).chain(SHOP).collect();
    let campaigns = ledger(ctx, request, SubjectKind::Campaign, &metrics).await?;
    if request.by.contains(&Dimension::Campaign) {
        return Ok(campaigns);
    }
    let mut entries = ledger(ctx, request, SubjectKind::Account, &metrics).await?;
    let told: BTreeSet<(SmolStr, &str, Option<SmolStr>)> = entries
        .iter()
        .map(|entry| (entry.account.clone(), entry.metric, entry.attribution.clone()))
        .collect();
    let missing =
        |entry: &Entry| !told.contains(&(entry.account.clone(), entry.metric, entry.attribution.clone()));
    entries.extend(campaigns.into_iter().filter(missing));
    Ok(entries)
}

pub(super) fn scope(by: &[Dimension], entry: &Entry) -> Scope {
    let platform = || Some(platform_of(&entry.account).to_owned());
    let mut scope = Scope::new();
    if by.contains(&Dimension::Campaign) {
        scope.insert("campaign".to_owned(), Some(entry.campaign.to_string()));
    }
    if by.contains(&Dimension::Account) {
        scope.insert("account".to_owned(), Some(entry.account.to_string()));
    }
    if by.contains(&Dimension::Platform) || scope.is_empty() {
        scope.insert("platform".to_owned(), platform());
    }
    scope
}

/// Who counts: the platform of the account, and the attribution that it tells apart.
type Teller = (SmolStr, Option<SmolStr>);

fn teller(entry: &Entry) -> Teller {
    (SmolStr::new(platform_of(&entry.account)), entry.attribution.clone())
}

fn rows_of(scope: &Scope, entries: &[Entry], span: DateSpan, money: &Money) -> Vec<RoiRow> {
    let returning = entries.iter().filter(|entry| RETURNS.contains(&entry.metric));
    let mut tellers: BTreeSet<Option<Teller>> = returning.map(|entry| Some(teller(entry))).collect();
    if tellers.is_empty() {
        tellers.insert(None);
    }
    tellers.into_iter().map(|teller| row_of(scope, entries, teller.as_ref(), span, money)).collect()
}

fn row_of(
    scope: &Scope,
    entries: &[Entry],
    teller: Option<&Teller>,
    span: DateSpan,
    money: &Money,
) -> RoiRow {
    let own = |entry: &&Entry| teller.is_none_or(|teller| self::teller(entry) == *teller);
    let of_platform =
        |entry: &&Entry| teller.is_none_or(|(platform, _)| platform_of(&entry.account) == platform);
    let tells_spend = entries.iter().filter(of_platform).any(|entry| entry.metric == "spend");
    let spending: Vec<&Entry> = entries.iter().filter(|entry| !tells_spend || of_platform(entry)).collect();
    let returned: Vec<&Entry> = entries.iter().filter(own).collect();
    let mut sums = Sums::new(span, money, true);
    sums.choose_currency(spending.iter().chain(&returned).copied());
    let spend = sums.of(&spending, "spend");
    let revenue = sums.of(&returned, "revenue");
    let mut margin = sums.of(&returned, "gross_margin");
    if let (None, Some(share), Some(revenue)) = (margin, money.margin, revenue) {
        margin = Some(revenue.times(Number::Money(share)));
        sums.notes.insert(format!("the margin is the stated {} of revenue", percent(share)));
    }
    let [impressions, clicks] = ["ad_impressions", "ad_clicks"].map(|metric| sums.of(&spending, metric));
    let [conversions, orders, leads, new_customers] =
        ["conversions", "orders", "leads", "new_customers"].map(|metric| sums.of(&returned, metric));
    let product_clicks = sums.of(&spending, "product_clicks");
    if !tells_spend && spend.is_some() {
        let platforms: BTreeSet<&str> = spending
            .iter()
            .filter(|entry| entry.metric == "spend")
            .map(|entry| platform_of(&entry.account))
            .collect();
        let platforms: Vec<&str> = platforms.into_iter().collect();
        sums.notes.insert(format!("the spend is that of {}", platforms.join(", ")));
    }
    let over = |a: Option<Number>, b: Option<Number>| a?.over(b?).map(Number::as_f64);
    let less = |a: Option<Number>, b: Option<Number>| Some(a?.minus(b?));
    RoiRow {
        scope: scope.clone(),
        attribution: teller.map(|(platform, part)| match part {
            Some(part) => format!("{platform} {part}"),
            None => platform.to_string(),
        }),
        traffic: returned.iter().find(|entry| RETURNS.contains(&entry.metric)).map(|entry| entry.traffic),
        period: span.into(),
        spend,
        revenue,
        gross_margin: margin,
        roas: over(revenue, spend),
        roi: over(less(revenue, spend), spend),
        margin_roi: over(less(margin, spend), spend),
        ctr: over(clicks, impressions),
        cpc: over(spend, clicks),
        conversions,
        conversion_rate: over(conversions, clicks),
        cpa: over(spend, conversions),
        orders,
        shop_conversion_rate: over(orders, product_clicks),
        leads,
        cpl: over(spend, leads),
        new_customers,
        cac: over(spend, new_customers),
        currency: sums.currency,
        rates: sums.rates,
        notes: sums.notes.into_iter().collect(),
    }
}

fn percent(share: rust_decimal::Decimal) -> String {
    format!("{} %", (share * rust_decimal::Decimal::ONE_HUNDRED).normalize())
}

/// Adds entries up, money in one currency.
pub(super) struct Sums<'a> {
    span: DateSpan,
    money: &'a Money,
    pub(super) currency: Option<String>,
    pub(super) rates: Vec<ExchangeRate>,
    pub(super) notes: BTreeSet<String>,
    /// Whether days that are missing or may still change are told; who leaves them out need not.
    tell_gaps: bool,
}

impl<'a> Sums<'a> {
    pub(super) fn new(span: DateSpan, money: &'a Money, tell_gaps: bool) -> Self {
        Self { span, money, currency: None, rates: Vec::new(), notes: BTreeSet::new(), tell_gaps }
    }
}

impl Sums<'_> {
    /// The currency of reports; without one, the only one that the entries have.
    pub(super) fn choose_currency<'e>(&mut self, entries: impl Iterator<Item = &'e Entry>) {
        let found: BTreeSet<SmolStr> = entries.flat_map(|entry| entry.currencies.iter().cloned()).collect();
        self.currency = self.money.currency.clone().filter(|_| !found.is_empty());
        if self.currency.is_none() {
            let mut found = found.into_iter();
            match (found.next(), found.next()) {
                (Some(only), None) => self.currency = Some(only.to_string()),
                (Some(one), Some(other)) => {
                    self.notes.insert(format!(
                        "money in {one} and {other} is not added; name [money] currency and a rate in kepi.toml"
                    ));
                }
                (None, _) => {}
            }
        }
    }

    /// The sum of a metric; `None` where none of it is known, or its money cannot be brought together.
    pub(super) fn of(&mut self, entries: &[&Entry], metric: &str) -> Option<Number> {
        let mut sum: Option<Number> = None;
        for entry in entries.iter().filter(|entry| entry.metric == metric) {
            let value = self.converted(entry)?;
            sum = Some(sum.map_or(value, |sum| sum.plus(value)));
            if self.tell_gaps {
                self.tell(entry);
            }
        }
        sum
    }

    fn tell(&mut self, entry: &Entry) {
        if entry.provisional {
            self.notes.insert(format!("{} of {} may still change", entry.metric, entry.account));
        }
        if entry.crossing > 0 {
            self.notes.insert(format!(
                "{} of {} that crosses the edge of the period is left out",
                entry.metric, entry.account
            ));
        }
        // Of a campaign a day without numbers may be a day on which it did not run.
        if entry.settled < 0.995 && !entry.provisional && entry.campaign.is_empty() {
            self.notes.insert(format!(
                "{} of {} is known of {:.0} % of the days",
                entry.metric,
                entry.account,
                entry.settled * 100.0
            ));
        }
    }

    fn converted(&mut self, entry: &Entry) -> Option<Number> {
        if !matches!(entry.metric, "spend" | "revenue" | "gross_margin") {
            return Some(entry.value);
        }
        let mut own = entry.currencies.iter();
        let (first, second) = (own.next(), own.next());
        match (first, second, &self.currency) {
            (Some(one), Some(other), _) => {
                self.notes.insert(format!("{} of {} is in {one} and {other}", entry.metric, entry.account));
                None
            }
            (Some(from), None, Some(to)) => {
                let to = to.clone();
                let day = kepi_core::period::add_days(self.span.end, -1);
                match self.money.convert(entry.value, from, &to, day) {
                    Ok((value, rate)) => {
                        if let Some(rate) = rate.filter(|rate| !self.rates.contains(rate)) {
                            self.rates.push(rate.clone());
                        }
                        Some(value)
                    }
                    Err(why) => {
                        self.notes.insert(why);
                        None
                    }
                }
            }
            // Amounts of several currencies, and none to bring them into.
            (Some(_), None, None) => None,
            // Nobody says the currency: fine alone, not beside one that is said.
            (None, _, None) => Some(entry.value),
            (None, _, Some(_)) => {
                self.notes.insert(format!(
                    "the currency of {} of {} is not said, so it is left out; a map says currency = \"EUR\"",
                    entry.metric, entry.account
                ));
                None
            }
        }
    }
}
