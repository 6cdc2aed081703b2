//! The numbers of the reports: what Xiaohongshu calls them, and which metric each is.

use kepi_core::{Field, SubjectKind, Traffic, WindowKind};

/// What a column is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Told {
    /// Its name in `columns`, whose capitals count.
    pub name: &'static str,
    /// Its place in a row.
    pointer: &'static str,
    /// The metric it is.
    pub metric: &'static str,
    /// Whether it is money, in yuan.
    pub money: bool,
    /// The part of the subject it is said of; empty for the whole.
    pub part: (&'static str, &'static str),
    /// The version of the metric's definition.
    pub definition: &'static str,
}

/// The first of two names, or the only one.
macro_rules! last {
    ($only:literal) => {
        $only
    };
    ($first:literal $last:literal) => {
        $last
    };
}

macro_rules! columns {
    ($(
        $column:ident $snake:literal $(/ $camel:literal)? => $kind:ident $metric:literal
        $(, part $dimension:literal = $part:literal)? $(, definition $definition:literal)?;
    )*) => {
        /// A column of a report.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Column {
            $(#[doc = concat!("`", $snake, "`")] $column,)*
        }

        impl Column {
            /// All of them.
            #[cfg(test)]
            pub(crate) const ALL: &'static [Self] = &[$(Self::$column,)*];

            /// A column by its name, in either style.
            pub(crate) fn named(name: &str) -> Option<Self> {
                match name {
                    $($snake $(| $camel)? => Some(Self::$column),)*
                    _ => None,
                }
            }

            /// What it is.
            pub(crate) const fn told(self) -> Told {
                match self {
                    $(Self::$column => Told {
                        name: last!($snake $($camel)?),
                        pointer: concat!("/", $snake),
                        metric: $metric,
                        money: matches!(stringify!($kind).as_bytes(), b"money"),
                        part: (concat!("" $(, $dimension)?), concat!("" $(, $part)?)),
                        definition: concat!("" $(, $definition)?),
                    },)*
                }
            }
        }
    };
}

columns! {
    Fee "fee" => money "spend";
    Impression "impression" => count "ad_impressions";
    Click "click" => count "ad_clicks";
    Like "like" => count "likes";
    Comment "comment" => count "comments";
    Collect "collect" => count "saves";
    Follow "follow" => count "follows_gained";
    Share "share" => count "shares";
    Interaction "interaction" => count "platform_engagements", definition "juguang";
    GoodsOrder "goods_order" / "goodsOrder" => count "orders", definition "placed_7d";
    Rgmv "rgmv" => money "revenue", definition "placed_7d";
    Leads "leads" => count "leads";
    InvokeAppOpenCnt "invoke_app_open_cnt" / "invokeAppOpenCnt" => count "app_opens";
    SuccessGoodsOrder "success_goods_order" / "successGoodsOrder" => count "orders", part "attribution" = "paid_7d";
    PurchaseOrderGmv7d "purchase_order_gmv_7d" / "purchaseOrderGmv7d" => money "revenue", part "attribution" = "paid_7d";
    ClkLiveRoomOrderNum "clk_live_room_order_num" / "clkLiveRoomOrderNum" => count "orders", part "attribution" = "live_24h";
    ClkLiveRoomRgmv "clk_live_room_rgmv" / "clkLiveRoomRgmv" => money "revenue", part "attribution" = "live_24h";
    ExternalGoodsOrder7 "external_goods_order_7" / "externalGoodsOrder7" => count "orders", part "attribution" = "external_7d";
    ExternalRgmv7 "external_rgmv_7" / "externalRgmv7" => money "revenue", part "attribution" = "external_7d";
    ExternalGoodsOrder15 "external_goods_order_15" / "externalGoodsOrder15" => count "orders", part "attribution" = "external_15d";
    ExternalRgmv15 "external_rgmv_15" / "externalRgmv15" => money "revenue", part "attribution" = "external_15d";
    ExternalGoodsOrder30 "external_goods_order_30" / "externalGoodsOrder30" => count "orders", part "attribution" = "external_30d";
    ExternalRgmv30 "external_rgmv_30" / "externalRgmv30" => money "revenue", part "attribution" = "external_30d";
    MsgLeadsNum "msg_leads_num" / "msgLeadsNum" => count "leads", part "lead_channel" = "message";
    ValidLeads "valid_leads" / "validLeads" => count "leads", part "lead_quality" = "valid";
    ClkLiveAllFollow "clk_live_all_follow" / "clkLiveAllFollow" => count "follows_gained", part "attribution" = "live_24h";
    ClkLiveComment "clk_live_comment" / "clkLiveComment" => count "comments", part "attribution" = "live_24h";
    PhoneCallCnt "phone_call_cnt" / "phoneCallCnt" => count "phone_calls";
    IUserNum "i_user_num" / "iUserNum" => count "interest_users";
    TiUserNum "ti_user_num" / "tiUserNum" => count "deep_interest_users";
}

/// What every report tells, asked for or not.
pub(crate) const BASE: [Column; 3] = [Column::Fee, Column::Impression, Column::Click];

/// The parts of `interaction`.
pub(crate) const PARTS: [Column; 5] =
    [Column::Like, Column::Comment, Column::Collect, Column::Follow, Column::Share];

/// What is told of every level, and of today.
pub(crate) const CORE: [Column; 9] = join(&[&BASE, &PARTS, &[Column::Interaction]]);

/// What is read of the finer levels.
pub(crate) const PLAIN: [Column; 13] =
    join(&[&CORE, &[Column::GoodsOrder, Column::Rgmv, Column::Leads, Column::InvokeAppOpenCnt]]);

/// Orders, revenue, leads, follows and comments by how they are counted.
const COUNTED_OTHERWISE: [Column; 14] = [
    Column::SuccessGoodsOrder,
    Column::PurchaseOrderGmv7d,
    Column::ClkLiveRoomOrderNum,
    Column::ClkLiveRoomRgmv,
    Column::ExternalGoodsOrder7,
    Column::ExternalRgmv7,
    Column::ExternalGoodsOrder15,
    Column::ExternalRgmv15,
    Column::ExternalGoodsOrder30,
    Column::ExternalRgmv30,
    Column::MsgLeadsNum,
    Column::ValidLeads,
    Column::ClkLiveAllFollow,
    Column::ClkLiveComment,
];

/// What is read of campaigns.
pub(crate) const WHOLE: [Column; 27] = join(&[&PLAIN, &COUNTED_OTHERWISE]);

/// What is read of accounts: also calls by telephone.
pub(crate) const ACCOUNT: [Column; 28] = join(&[&WHOLE, &[Column::PhoneCallCnt]]);

/// What is read of notes: also the people they won.
pub(crate) const NOTE: [Column; 30] = join(&[&ACCOUNT, &[Column::IUserNum, Column::TiUserNum]]);

const fn join<const N: usize>(groups: &[&[Column]]) -> [Column; N] {
    let mut columns = [Column::Fee; N];
    let (mut group, mut at) = (0, 0);
    while group < groups.len() {
        let mut i = 0;
        while i < groups[group].len() {
            columns[at] = groups[group][i];
            (at, i) = (at + 1, i + 1);
        }
        group += 1;
    }
    assert!(at == N, "the list has another length");
    columns
}

/// The columns as fields of days of a subject, or of its parts in a dimension.
pub(crate) const fn fields<const N: usize>(
    columns: &[Column; N],
    subject: SubjectKind,
    dimension: &'static str,
) -> [Field; N] {
    let mut fields = [Field::new("", "", subject, WindowKind::Day, Traffic::Paid); N];
    let mut i = 0;
    while i < N {
        let told = columns[i].told();
        let field = Field::new(told.metric, told.pointer, subject, WindowKind::Day, Traffic::Paid);
        let segment = if dimension.is_empty() { told.part.0 } else { dimension };
        let field = field.segment(segment).definition(told.definition);
        fields[i] = if told.money { field.real(0).note("yuan") } else { field };
        i += 1;
    }
    fields
}
