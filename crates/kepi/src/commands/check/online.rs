//! `kepi check --online`: whether every credential works.

use kepi_core::{
    Adapter, Cursor, Endpoint, Error, ErrorKind, Job, Result as CoreResult, Shape, TokenKind,
    plan::{PlanInput, plan},
};
use kepi_ingest::IngestAccount;
use kepi_transport::{RetryPolicy, Transport};
use serde_json::Value;

use crate::{
    cli::Check,
    compose::Project,
    config::ConfiguredAccount,
    failure::{Outcome, Result},
    output::Rows,
};

/// Tries every credential with one call, and spends no more calls on an account than its platform's descriptor
/// says. A failure is a row, and the others are tried.
pub(super) async fn run(project: &Project, arguments: &Check) -> Result<Outcome> {
    let transport = project.transport_with(RetryPolicy { max_attempts: 1, ..RetryPolicy::default() })?;
    let mut rows = Rows::new(["account", "token", "endpoint", "result", "calls", "what to do"]);
    let (mut tried, mut failed) = (0, 0);
    for account in project.ingest_accounts() {
        let Some(known) = project.config.account(&account.reference.id) else { continue };
        // The credentials that they are asked for with are tried as those of the account that watches.
        if known.watched_by.is_some() {
            continue;
        }
        let mut left = u32::from(account.adapter.descriptor().check_calls);
        for kind in tokens(account.adapter.as_ref(), known) {
            let id: Value = account.reference.id.as_str().into();
            let token: Value = kind.into();
            let Some((endpoint, job)) = telling(project, &account, kind)? else {
                let why = "not tried: nothing is asked with it under these settings";
                rows.push([id, token, Value::Null, why.into(), 0.into(), Value::Null]);
                continue;
            };
            if left == 0 {
                let why = "not tried: the platform's check is of so many calls only";
                rows.push([id, token, endpoint.into(), why.into(), 0.into(), Value::Null]);
                continue;
            }
            let (calls, result) = try_one(&transport, account.adapter.as_ref(), &job).await;
            left = left.saturating_sub(calls);
            tried += 1;
            failed += u32::from(result.is_err());
            let (result, hint): (Value, Value) = match &result {
                Ok(()) => ("ok".into(), Value::Null),
                Err(error) => (error.to_string().into(), error.hint_text().into()),
            };
            rows.push([id, token, endpoint.into(), result, calls.into(), hint]);
        }
    }
    rows.print(arguments.format.format)?;
    if failed == 0 {
        return Ok(Outcome::Done);
    }
    Err(Error::new(ErrorKind::Reauthorise, format!("{failed} of {tried} credentials do not work"))
        .hint("the table says of each what to do")
        .into())
}

/// The kinds of token that the account has.
fn tokens(adapter: &dyn Adapter, known: &ConfiguredAccount) -> Vec<&'static str> {
    let kinds: &'static [TokenKind] = adapter.descriptor().tokens;
    let has = |kind: &str| known.credentials.contains_key(kind) || known.credentials.contains_key("");
    kinds.iter().map(|kind| kind.name).filter(|name| has(name)).collect()
}

/// What tells soonest whether a token works: the endpoint and its job. `None` where nothing is asked with it.
fn telling(project: &Project, account: &IngestAccount, kind: &str) -> Result<Option<(&'static str, Job)>> {
    let adapter = account.adapter.as_ref();
    let endpoints: &'static [Endpoint] = adapter.descriptor().endpoints;
    let of_kind = |endpoint: &&Endpoint| {
        endpoint.token == Some(kind)
            && endpoint.until.is_none()
            && !matches!(endpoint.shape, Shape::Batch { .. })
    };
    let rank = |endpoint: &&Endpoint| match endpoint.shape {
        Shape::Snapshot => 0,
        Shape::Windows { .. } | Shape::Trailing { .. } => 1,
        Shape::Listing { .. } | Shape::Batch { .. } => 2,
    };
    let mut candidates: Vec<&Endpoint> = endpoints.iter().filter(of_kind).collect();
    candidates.sort_by_key(|endpoint| (endpoint.capability.is_some(), rank(endpoint)));
    for endpoint in candidates {
        let input = PlanInput {
            descriptor: adapter.descriptor(),
            endpoint,
            accounts: std::slice::from_ref(&account.reference),
            now: project.now(),
            range: None,
            posts: &[],
        };
        // The newest days are the surest to be there.
        let Some(planned) = plan(&input, &|_| None)?.pop() else { continue };
        match adapter.request(&planned.job, &Cursor::default()) {
            Err(error) if error.kind() == ErrorKind::NotOffered => {}
            _ => return Ok(Some((endpoint.name, planned.job))),
        }
    }
    Ok(None)
}

/// One call: how many it took in all, renewals of tokens included, and what became of it.
async fn try_one(transport: &Transport, adapter: &dyn Adapter, job: &Job) -> (u32, CoreResult<()>) {
    match transport.fetch(adapter, job, &Cursor::default()).await {
        Ok(fetched) => (fetched.calls, adapter.decode(job, &Cursor::default(), &fetched.body).map(drop)),
        Err(error) => (1, Err(error)),
    }
}
