//! Reading: all tables under their names, at one moment.

use std::sync::Arc;

use datafusion::{
    execution::object_store::ObjectStoreUrl,
    prelude::{SessionConfig, SessionContext},
};
use kepi_core::Result;
use object_store::path::Path;
use url::Position;

use crate::{
    fail::{Fail, torn},
    provider::StoredTable,
    rollup, schema,
    store::Store,
};

impl Store {
    /// All tables registered under their names, at one consistent moment: what is committed later is not
    /// seen. Valid facts are those with `current`; facts as of an instant T are those with
    /// `recorded_at <= T` and `superseded_at` null or later than T.
    ///
    /// # Errors
    /// `Store` when the tables cannot be read.
    pub async fn session(&self) -> Result<SessionContext> {
        let config = SessionConfig::new().with_information_schema(true);
        let session = SessionContext::new_with_config(config);
        let snapshots = self.0.consistent().await?;
        for schema in schema::all() {
            let name = schema.table.name;
            // Rollups that do not tell all would be taken for the whole.
            if name == rollup::NAME && !snapshots.get(name).is_some_and(|known| rollup::is_complete(known)) {
                continue;
            }
            // A store of an older kepi that may not be written lacks the youngest table.
            let Ok(table) = self.0.table(name) else { continue };
            let snapshot = snapshots.get(name).cloned().ok_or_else(|| torn("a table without state"))?;
            let url = table.root();
            let root = Path::from_url_path(url.path()).map_err(torn)?;
            let store = ObjectStoreUrl::parse(&url[..Position::BeforePath]).at("address the table")?;
            session.register_object_store(store.as_ref(), table.whole_store());
            let provider = StoredTable::new(schema.clone(), snapshot, store, root);
            session.register_table(name, Arc::new(provider)).at("register a table")?;
        }
        Ok(session)
    }
}
