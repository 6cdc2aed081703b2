//! The one place that composes the layers.
//!
//! The order is part of the meaning. Retry stands outside of credential, budget and quota, so that every
//! attempt pays; credential outside of budget, so that a renewal pays too; budget outside of quota, so that a
//! call that may not be paid for does not wait; classify inside of quota, so that a refusal under any status
//! closes the gate; record inside of classify, so that nothing that reads an answer sees a secret.

use std::sync::Arc;

use crate::{
    Clock, CredentialStore, RetryPolicy, Wire,
    budget::{Books, Budget},
    call::Inner,
    classify::Classify,
    credential::Credential,
    quota::{Desk, Quota},
    record::Record,
    retry::Retry,
    source::Sources,
    trace::Trace,
    wire::OnWire,
};

/// What the layers need.
#[derive(Debug)]
pub(crate) struct Parts {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) policy: RetryPolicy,
    pub(crate) sources: Sources,
    pub(crate) credentials: Arc<dyn CredentialStore>,
    pub(crate) books: Books,
    pub(crate) desk: Arc<Desk>,
    pub(crate) wire: Arc<dyn Wire>,
}

/// The layers, outermost first.
pub(crate) fn stack(parts: Parts) -> Inner {
    let Parts { clock, policy, sources, credentials, books, desk, wire } = parts;
    let cap = policy.max_retry_after();
    let wire: Inner = Box::new(OnWire { wire, clock: Arc::clone(&clock) });
    let record: Inner = Box::new(Record { inner: wire, cap });
    let classify: Inner = Box::new(Classify { inner: record });
    let quota: Inner = Box::new(Quota { inner: classify, desk });
    let budget: Inner = Box::new(Budget { inner: quota, books });
    let credential: Inner = Box::new(Credential::new(budget, sources, credentials, Arc::clone(&clock)));
    let retry: Inner = Box::new(Retry::new(credential, policy, clock));
    Box::new(Trace { inner: retry })
}
