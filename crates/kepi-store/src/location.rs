//! Where a store is: its address, its marker with the format version, and the logs of its tables.

use std::{path::PathBuf, sync::Arc};

use deltalake::{DeltaTableBuilder, logstore::LogStoreRef};
use kepi_core::{Error, ErrorKind, Result};
use object_store::{ObjectStore, ObjectStoreExt, PutMode, path::Path};
use serde::{Deserialize, Serialize};
use url::Url;

use crate::{
    fail::{Fail, store, torn},
    log_store::Sparing,
    options::StoreOptions,
};

/// The format that this kepi writes.
pub(crate) const FORMAT: u32 = 1;

/// The file that makes a folder a store.
const MARKER: &str = "kepi-store.json";

#[derive(Debug, Serialize, Deserialize)]
struct Marker {
    format: u32,
}

/// A store's place.
#[derive(Debug, Clone)]
pub(crate) struct Location {
    url: Url,
    backend: Option<Arc<dyn ObjectStore>>,
}

impl Location {
    /// Reads a path or an address.
    pub(crate) fn parse(location: &str, options: &StoreOptions) -> Result<Self> {
        let url = if location.contains("://") {
            let mut text = location.trim_end_matches('/').to_owned();
            text.push('/');
            let url = Url::parse(&text).map_err(|error| bad_location(location).caused_by(error))?;
            if url.scheme() != "file" && options.backend.is_none() {
                return Err(Error::bad_config(format!("this kepi keeps no stores at {}://", url.scheme()))
                    .with("store", location)
                    .hint("name a folder as project.store, such as ./store"));
            }
            url
        } else {
            let path = std::path::absolute(PathBuf::from(location))
                .map_err(|error| bad_location(location).caused_by(error))?;
            Url::from_directory_path(path).map_err(|()| bad_location(location))?
        };
        Ok(Self { url, backend: options.backend.clone() })
    }

    /// Makes the folder a store, or checks that it is one of ours.
    pub(crate) async fn establish(&self) -> Result<()> {
        if let Ok(folder) = self.url.to_file_path()
            && self.backend.is_none()
        {
            std::fs::create_dir_all(folder).at("create the store's folder").map_err(|error| {
                self.named(error)
                    .hint("project.store names it: check its path, and the rights on the folders above")
            })?;
        }
        if self.marker().await?.is_some() {
            return self.check().await;
        }
        let root = self.log("")?.object_store(None);
        let occupied =
            root.list_with_delimiter(None).await.at("look into the folder").map_err(|e| self.named(e))?;
        if let Some(foreign) = occupied
            .objects
            .first()
            .map(|object| object.location.to_string())
            .or_else(|| occupied.common_prefixes.first().map(ToString::to_string))
        {
            return Err(Error::new(ErrorKind::Store, "the folder holds something that is not a kepi store")
                .with("store", &self.url)
                .with("found", foreign)
                .hint("name an empty or new folder as project.store"));
        }
        let text = serde_json::to_vec(&Marker { format: FORMAT }).at("write the marker")?;
        let created = root.put_opts(&Path::from(MARKER), text.into(), PutMode::Create.into()).await;
        match created {
            Ok(_) => Ok(()),
            Err(object_store::Error::AlreadyExists { .. }) => self.check().await,
            Err(error) => Err(self.named(store("write the store's marker", error))),
        }
    }

    /// Checks that the folder is a store that this kepi can read.
    pub(crate) async fn check(&self) -> Result<()> {
        let Some(marker) = self.marker().await? else {
            return Err(Error::new(ErrorKind::Store, "there is no kepi store")
                .with("store", &self.url)
                .hint("`kepi ingest` or `kepi import` creates it; or correct project.store in kepi.toml"));
        };
        if marker.format > FORMAT {
            return Err(Error::new(ErrorKind::Store, "the store was written by a newer kepi")
                .with("store", &self.url)
                .with("format", marker.format)
                .with("known", FORMAT)
                .hint("use the newer kepi; this one would lose what it does not know"));
        }
        Ok(())
    }

    /// Whether it may be written, as far as the rights on a local folder tell.
    pub(crate) fn is_writable(&self) -> bool {
        match self.url.to_file_path() {
            Ok(folder) if self.backend.is_none() => {
                std::fs::OpenOptions::new().write(true).open(folder.join(MARKER)).is_ok()
            }
            _ => true,
        }
    }

    /// The log of a table.
    pub(crate) fn log(&self, table: &str) -> Result<LogStoreRef> {
        let url = if table.is_empty() {
            self.url.clone()
        } else {
            self.url
                .join(&format!("{table}/"))
                .map_err(|error| bad_location(self.url.as_str()).caused_by(error))?
        };
        let mut builder = DeltaTableBuilder::from_url(url.clone()).at("address the table")?;
        if let Some(backend) = &self.backend {
            builder = builder.with_storage_backend(backend.clone(), url);
        }
        let log = builder.build_storage().at("address the table").map_err(|error| self.named(error))?;
        Ok(Arc::new(Sparing(log)))
    }

    async fn marker(&self) -> Result<Option<Marker>> {
        let root = self.log("")?.object_store(None);
        match root.get(&Path::from(MARKER)).await {
            Ok(found) => {
                let bytes = found.bytes().await.at("read the store's marker")?;
                serde_json::from_slice(&bytes)
                    .map(Some)
                    .map_err(|_| self.named(torn("its marker cannot be read")))
            }
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(self.named(store("read the store's marker", error))),
        }
    }

    fn named(&self, error: Error) -> Error {
        error.with("store", &self.url)
    }
}

fn bad_location(location: &str) -> Error {
    Error::bad_config(format!("{location:?} is not a place for a store"))
        .hint("project.store is a folder, such as ./store")
}
