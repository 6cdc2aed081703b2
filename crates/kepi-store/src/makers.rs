//! The threads on which files are made: half as many as there are cores, and no more however much is asked of them.
//!
//! Each thread keeps the memory that making a file once took, and what is made into files takes as long to work out: more
//! threads would wait, and the runtime's own pool for such work grows with every burst of reads.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, LazyLock, Mutex, PoisonError,
        mpsc::{Receiver, Sender, channel},
    },
    thread,
};

use kepi_core::{Error, ErrorKind, Result};
use tokio::sync::oneshot;

type Task = Box<dyn FnOnce() + Send>;

/// Where tasks are handed in; `None` when no thread could be had.
static TASKS: LazyLock<Option<Sender<Task>>> = LazyLock::new(|| {
    let (sender, receiver) = channel();
    let receiver = Arc::new(Mutex::new(receiver));
    let wanted = thread::available_parallelism().map_or(1, usize::from).div_ceil(2);
    let begun = (0..wanted).filter(|_| {
        let receiver = receiver.clone();
        thread::Builder::new().name("kepi-files".to_owned()).spawn(move || work(&receiver)).is_ok()
    });
    (begun.count() > 0).then_some(sender)
});

fn work(tasks: &Mutex<Receiver<Task>>) {
    loop {
        let task = tasks.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(task) = task else { return };
        // Who waits for it hears that it came to nothing.
        let _ = catch_unwind(AssertUnwindSafe(task));
    }
}

/// Files that are being made.
#[derive(Debug)]
pub(crate) struct Making<T>(oneshot::Receiver<Result<T>>);

impl<T> Making<T> {
    /// Waits for them.
    pub(crate) async fn made(self) -> Result<T> {
        self.0.await.unwrap_or_else(|_| {
            Err(Error::new(ErrorKind::Store, "a data file could not be made: its thread panicked"))
        })
    }
}

/// Begins to make files on one of the threads.
pub(crate) fn begin<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Making<T> {
    let (done, outcome) = oneshot::channel();
    let task: Task = Box::new(move || {
        let _ = done.send(work());
    });
    match &*TASKS {
        Some(tasks) => {
            // They end with the process.
            let _ = tasks.send(task);
        }
        None => task(),
    }
    Making(outcome)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_panics_is_told_and_the_threads_go_on() {
        for round in 0..64 {
            assert!(begin(|| -> Result<i32> { panic!("on purpose") }).made().await.is_err());
            assert_eq!(begin(move || Ok(round * 2)).made().await.unwrap(), round * 2);
        }
    }
}
