//! Delta's log store, which reads a log with little memory.
//!
//! The library reads up to a thousand entries of a log at once, and makes room for a thousand actions in each: two
//! megabytes an entry, a few hundred for a checkpoint of a hundred. Entries here hold a few actions, and few at once keep
//! a disk and an object store busy.

use std::{num::NonZero, sync::Arc};

use async_trait::async_trait;
use bytes::Bytes;
use delta_kernel::{Engine, Version};
use delta_kernel_default_engine::{
    DefaultEngineBuilder,
    executor::tokio::{TokioBackgroundExecutor, TokioMultiThreadExecutor},
};
use deltalake::{
    DeltaResult,
    kernel::transaction::TransactionError,
    logstore::{CommitOrBytes, LogStore, LogStoreConfig, LogStoreRef},
};
use object_store::ObjectStore;
use tokio::runtime::{Handle, RuntimeFlavor};
use uuid::Uuid;

/// Entries of a log, or files of a checkpoint, that are read at once.
const FILES_AT_ONCE: NonZero<usize> = NonZero::new(8).unwrap();

/// Actions that are decoded at once.
const ACTIONS_AT_ONCE: NonZero<usize> = NonZero::new(256).unwrap();

/// A log store that does all as the one within but reading.
pub(crate) struct Sparing(pub(crate) LogStoreRef);

#[async_trait]
impl LogStore for Sparing {
    fn name(&self) -> String {
        self.0.name()
    }

    async fn refresh(&self) -> DeltaResult<()> {
        self.0.refresh().await
    }

    fn config(&self) -> &LogStoreConfig {
        self.0.config()
    }

    async fn read_commit_entry(&self, version: Version) -> DeltaResult<Option<Bytes>> {
        self.0.read_commit_entry(version).await
    }

    async fn write_commit_entry(
        &self,
        version: Version,
        commit_or_bytes: CommitOrBytes,
        operation_id: Uuid,
    ) -> Result<(), TransactionError> {
        self.0.write_commit_entry(version, commit_or_bytes, operation_id).await
    }

    async fn abort_commit_entry(
        &self,
        version: Version,
        commit_or_bytes: CommitOrBytes,
        operation_id: Uuid,
    ) -> Result<(), TransactionError> {
        self.0.abort_commit_entry(version, commit_or_bytes, operation_id).await
    }

    async fn get_latest_version(&self, start_version: Version) -> DeltaResult<Version> {
        self.0.get_latest_version(start_version).await
    }

    fn object_store(&self, operation_id: Option<Uuid>) -> Arc<dyn ObjectStore> {
        self.0.object_store(operation_id)
    }

    fn root_object_store(&self, operation_id: Option<Uuid>) -> Arc<dyn ObjectStore> {
        self.0.root_object_store(operation_id)
    }

    fn engine(&self, operation_id: Option<Uuid>) -> Arc<dyn Engine> {
        let builder = DefaultEngineBuilder::new(self.root_object_store(operation_id))
            .with_buffer_size(FILES_AT_ONCE)
            .with_batch_size(ACTIONS_AT_ONCE);
        let handle = Handle::current();
        match handle.runtime_flavor() {
            RuntimeFlavor::MultiThread => {
                Arc::new(builder.with_task_executor(Arc::new(TokioMultiThreadExecutor::new(handle))).build())
            }
            _ => Arc::new(builder.with_task_executor(Arc::new(TokioBackgroundExecutor::new())).build()),
        }
    }
}
