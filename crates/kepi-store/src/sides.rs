//! Since when own and public numbers of accounts are known, in stores of an older kepi: it is said as numbers come in, and
//! was not once.

use kepi_core::Result;

use crate::{dimension::Said, facts::FACTS, fail::torn, log::SIDES, query::query, store::Store};

/// Says it of all accounts, where it was never said.
pub(crate) async fn begin(store: &Store) -> Result<()> {
    let accounts = store.0.table("accounts")?.refresh().await?;
    if accounts.transactions.contains_key(SIDES) {
        return Ok(());
    }
    let said = if accounts.files.is_empty() { Said::default() } else { read(store).await? };
    store.say_of_accounts(&said, vec![(SIDES.to_owned(), 1)]).await
}

/// Reads it from all facts.
async fn read(store: &Store) -> Result<Said> {
    let session = store.session().await?;
    let mut said = Said::default();
    for facts in &FACTS {
        let sql = format!(
            "select account, provenance = 'public', cast(min(least(at, observed_at)) as bigint) from {} where current group by 1, 2",
            facts.name
        );
        for row in query(&session, &sql).await?.rows {
            let [account, public, at] = row.as_slice() else {
                return Err(torn("facts that name no account"));
            };
            let values = account.as_str().zip(public.as_bool()).zip(at.as_i64());
            let ((account, public), at) = values.ok_or_else(|| torn("facts that name no account"))?;
            said.observed(account, public, at);
        }
    }
    Ok(said)
}
