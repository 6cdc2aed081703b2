//! How a run is asked to stop: the page in hand is finished, nothing new is begun.

use std::sync::Arc;

use tokio::sync::watch;

/// A flag that many hold and anyone may raise; it is never lowered again.
#[derive(Debug, Clone)]
pub struct StopFlag {
    own: Arc<Raised>,
    above: Vec<Arc<Raised>>,
}

type Raised = watch::Sender<Option<Why>>;

/// Why a flag was raised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Why {
    Asked,
    Robbed,
}

impl Default for StopFlag {
    fn default() -> Self {
        Self { own: Arc::new(watch::Sender::new(None)), above: Vec::new() }
    }
}

impl StopFlag {
    /// A flag of one's own that is also raised when this one is.
    #[must_use]
    pub fn child(&self) -> Self {
        Self { above: self.flags().cloned().collect(), ..Self::default() }
    }

    /// Raises it.
    pub fn stop(&self) {
        self.raise(Why::Asked);
    }

    /// Raises it since another run took what this one had in hand.
    pub(crate) fn rob(&self) {
        self.raise(Why::Robbed);
    }

    fn raise(&self, why: Why) {
        self.own.send_modify(|raised| *raised = raised.or(Some(why)));
    }

    /// Whether it is raised.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.flags().any(|flag| flag.borrow().is_some())
    }

    /// Whether it is raised since another run took what this one had in hand.
    pub(crate) fn is_robbed(&self) -> bool {
        self.flags().any(|flag| *flag.borrow() == Some(Why::Robbed))
    }

    /// Waits until it is raised.
    pub async fn stopped(&self) {
        let raised = self.flags().map(|flag| {
            let mut flag = flag.subscribe();
            // The sender lives as long as the flag that is waited on, so waiting cannot fail.
            Box::pin(async move { flag.wait_for(Option::is_some).await.map(drop) })
        });
        let _ = futures::future::select_all(raised).await;
    }

    fn flags(&self) -> impl Iterator<Item = &Arc<Raised>> {
        std::iter::once(&self.own).chain(&self.above)
    }

    /// Raises it when the process is asked to end: by ctrl-c, or on Unix by SIGTERM.
    ///
    /// # Errors
    /// When the signals cannot be listened to.
    pub fn on_signals(&self) -> std::io::Result<()> {
        let flag = self.clone();
        #[cfg(unix)]
        let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
        tokio::spawn(async move {
            #[cfg(unix)]
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
            #[cfg(not(unix))]
            let _ = tokio::signal::ctrl_c().await;
            tracing::info!("asked to stop: the page in hand is finished first");
            flag.stop();
        });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_child_hears_its_parent_but_not_the_other_way_round() {
        let parent = StopFlag::default();
        let (one, two) = (parent.child(), parent.child());
        one.stop();
        assert!(one.is_stopped() && !parent.is_stopped() && !two.is_stopped());
        parent.stop();
        two.stopped().await;
        assert!(two.is_stopped());
    }
}
