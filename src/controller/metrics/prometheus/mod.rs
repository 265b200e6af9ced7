//! Prometheus, or anything that answers as one: instant queries, one for each metric that is asked for, whoever asks.

mod answer;
mod connection;
mod question;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use tokio::sync::Mutex;

use self::connection::Connection;
use self::question::Question;
use super::answer::Answer;
use super::failed::Failed;
use super::sweep::Call;
use super::{Query, Selector};
use crate::engine::configuration;

/// The Prometheus that the operator's configuration names.
#[derive(Debug)]
pub(super) struct Prometheus {
    settings: configuration::Prometheus,
    /// How long a call may take.
    most: Duration,
    connection: Mutex<Option<Connection>>,
}

impl Prometheus {
    pub(super) fn new(settings: configuration::Prometheus, most: Duration) -> Self {
        Self { settings, most, connection: Mutex::default() }
    }

    pub(super) const fn settings(&self) -> &configuration::Prometheus {
        &self.settings
    }

    /// The calls that bring values. It knows no namespaces: what is asked for from several is asked once.
    pub(super) async fn calls(&self, queries: Vec<Query>) -> Vec<Call<'static>> {
        // As they come, so that each has its turn.
        let mut order: Vec<(String, Selector)> = Vec::new();
        let mut by_metric: BTreeMap<(String, Selector), Vec<Query>> = BTreeMap::new();
        for query in queries {
            let Query::External { metric, selector, .. } = &query else { continue };
            let of = (metric.clone(), selector.clone());
            let queries = by_metric.entry(of.clone()).or_default();
            if queries.is_empty() {
                order.push(of);
            }
            queries.push(query);
        }
        let connection = self.connected().await;
        let call = |of: (String, Selector)| {
            let queries = by_metric.remove(&of).unwrap_or_default();
            let (connection, most, count) = (connection.clone(), self.most, queries.len());
            let ask = async move {
                let answer = Arc::new(ask(connection?, &of.0, &of.1, most).await?);
                Ok(vec![answer; count])
            };
            Call { queries, ask: ask.boxed() }
        };
        order.into_iter().map(call).collect()
    }

    /// The connection, made anew if what it is made of has changed. Its token is always as it is now.
    async fn connected(&self) -> Result<Connection, Failed> {
        let mut known = self.connection.lock().await;
        let connection = Connection::renewed(&self.settings, known.take(), self.most).await?;
        *known = Some(connection.clone());
        Ok(connection)
    }
}

async fn ask(connection: Connection, metric: &str, selector: &Selector, most: Duration) -> Result<Answer, Failed> {
    let Question { promql, window } = Question::of(metric, selector).map_err(Failed::Answered)?;
    let bytes = connection.get(&promql, most).await?;
    Ok(Answer::External(answer::series(&bytes, window)?))
}
