//! The written-out list of adapters: the one place that names them all.

use std::sync::Arc;

use kepi_core::{Adapter, Error, Result};
use serde_json::Value;

type Build = fn(Value) -> Result<Arc<dyn Adapter>>;

/// Platform → how its adapter is built from `[platform.NAME]`.
#[rustfmt::skip]
const ADAPTERS: &[(&str, Build)] = &[
    // new-adapter: a line per platform, in alphabetical order
    ("douyin", |settings| kepi_adapter_douyin::DouyinAdapter::from_settings(settings).map(boxed)),
    ("instagram", |settings| kepi_adapter_instagram::InstagramAdapter::from_settings(settings).map(boxed)),
    ("linkedin", |settings| kepi_adapter_linkedin::LinkedinAdapter::from_settings(settings).map(boxed)),
    ("web", |settings| kepi_adapter_web::WebAdapter::from_settings(settings).map(boxed)),
    ("wechat", |settings| kepi_adapter_wechat::WechatAdapter::from_settings(settings).map(boxed)),
    ("weibo", |settings| kepi_adapter_weibo::WeiboAdapter::from_settings(settings).map(boxed)),
    ("x", |settings| kepi_adapter_x::XAdapter::from_settings(settings).map(boxed)),
    ("xiaohongshu", |settings| kepi_adapter_xiaohongshu::XiaohongshuAdapter::from_settings(settings).map(boxed)),
];

fn boxed(adapter: impl Adapter) -> Arc<dyn Adapter> {
    Arc::new(adapter)
}

/// The platforms that have an adapter.
pub(crate) fn names() -> Vec<&'static str> {
    ADAPTERS.iter().map(|(name, _)| *name).collect()
}

/// The adapter of a platform, with its settings.
pub(crate) fn build(platform: &str, settings: Value) -> Result<Arc<dyn Adapter>> {
    let (_, build) = ADAPTERS.iter().find(|(name, _)| *name == platform).ok_or_else(|| {
        Error::bad_config(format!("{platform} has no adapter"))
            .hint(format!("adapters: {}; files of other platforms can be imported", names().join(", ")))
    })?;
    build(settings)
}
