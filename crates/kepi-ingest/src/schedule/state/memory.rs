//! Capabilities, answers, days that are not there yet.

use std::collections::HashMap;

use async_trait::async_trait;
use kepi_core::{AccountId, DateSpan, Result, Stream};
use sqlx::{Row, sqlite::SqliteRow};

use super::{State, explain, instant, micros, torn};
use crate::{Answer, Capability, Lack, Memory};

#[async_trait]
impl Memory for State {
    async fn capabilities(&self) -> Result<Vec<Capability>> {
        let rows = sqlx::query(
            "SELECT account, endpoint, metric, lack, reason, since, retry_at
             FROM capabilities ORDER BY account, endpoint, metric",
        )
        .fetch_all(&self.pool)
        .await
        .map_err(explain)?;
        rows.iter().map(capability).collect()
    }

    async fn remember(&self, capability: Capability) -> Result<()> {
        sqlx::query(
            "INSERT INTO capabilities (account, endpoint, metric, lack, reason, since, retry_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7)
             ON CONFLICT (account, endpoint, metric) DO UPDATE
             SET lack = excluded.lack, reason = excluded.reason, retry_at = excluded.retry_at",
        )
        .bind(capability.account.as_str())
        .bind(capability.endpoint.as_str())
        .bind(capability.metric.as_deref().unwrap_or_default())
        .bind(capability.lack.as_str())
        .bind(&capability.reason)
        .bind(micros(capability.since))
        .bind(micros(capability.retry_at))
        .execute(&self.pool)
        .await
        .map_err(explain)?;
        Ok(())
    }

    async fn forget(&self, account: &AccountId, endpoint: Option<&str>) -> Result<()> {
        let query = match endpoint {
            Some(endpoint) => {
                sqlx::query("DELETE FROM capabilities WHERE account = $1 AND endpoint = $2 AND metric = ''")
                    .bind(account.as_str())
                    .bind(endpoint)
            }
            None => sqlx::query("DELETE FROM capabilities WHERE account = $1").bind(account.as_str()),
        };
        query.execute(&self.pool).await.map_err(explain)?;
        Ok(())
    }

    async fn answers(&self) -> Result<HashMap<Stream, Answer>> {
        let rows = sqlx::query("SELECT stream, had_numbers, zeros_since FROM answers")
            .fetch_all(&self.pool)
            .await
            .map_err(explain)?;
        rows.iter().map(answer).collect()
    }

    async fn set_answer(&self, stream: &Stream, answer: Answer) -> Result<()> {
        sqlx::query(
            "INSERT INTO answers (stream, had_numbers, zeros_since) VALUES ($1, $2, $3)
             ON CONFLICT (stream) DO UPDATE
             SET had_numbers = excluded.had_numbers, zeros_since = excluded.zeros_since",
        )
        .bind(stream.as_str())
        .bind(i64::from(answer.had_numbers))
        .bind(answer.zeros_since.map(micros))
        .execute(&self.pool)
        .await
        .map_err(explain)?;
        Ok(())
    }

    async fn not_yet(&self) -> Result<HashMap<Stream, DateSpan>> {
        let rows = sqlx::query("SELECT stream, start_day, end_day FROM not_yet")
            .fetch_all(&self.pool)
            .await
            .map_err(explain)?;
        rows.iter().map(days).collect()
    }

    async fn set_not_yet(&self, stream: &Stream, days: Option<DateSpan>) -> Result<()> {
        let query = match days {
            Some(days) => sqlx::query(
                "INSERT INTO not_yet (stream, start_day, end_day) VALUES ($1, $2, $3)
                 ON CONFLICT (stream) DO UPDATE SET start_day = excluded.start_day, end_day = excluded.end_day",
            )
            .bind(stream.as_str())
            .bind(days.start.to_string())
            .bind(days.end.to_string()),
            None => sqlx::query("DELETE FROM not_yet WHERE stream = $1").bind(stream.as_str()),
        };
        query.execute(&self.pool).await.map_err(explain)?;
        Ok(())
    }
}

fn days(row: &SqliteRow) -> Result<(Stream, DateSpan)> {
    let stream: String = row.try_get("stream").map_err(explain)?;
    let day = |column: &str| {
        let text: String = row.try_get(column).map_err(explain)?;
        text.parse().map_err(|error: jiff::Error| torn("a day", error))
    };
    Ok((Stream::from_stored(&stream), DateSpan::new(day("start_day")?, day("end_day")?)))
}

fn capability(row: &SqliteRow) -> Result<Capability> {
    let text = |column: &str| row.try_get::<String, _>(column).map_err(explain);
    let time = |column: &str| row.try_get::<i64, _>(column).map_err(explain).and_then(instant);
    let (lack, metric) = (text("lack")?, text("metric")?);
    Ok(Capability {
        account: AccountId::new(&text("account")?)?,
        endpoint: text("endpoint")?.into(),
        metric: (!metric.is_empty()).then(|| metric.into()),
        lack: Lack::from_stored(&lack).ok_or_else(|| torn("a capability", lack))?,
        reason: text("reason")?,
        since: time("since")?,
        retry_at: time("retry_at")?,
    })
}

fn answer(row: &SqliteRow) -> Result<(Stream, Answer)> {
    let stream: String = row.try_get("stream").map_err(explain)?;
    let had_numbers: i64 = row.try_get("had_numbers").map_err(explain)?;
    let zeros_since: Option<i64> = row.try_get("zeros_since").map_err(explain)?;
    let zeros_since = zeros_since.map(instant).transpose()?;
    Ok((Stream::from_stored(&stream), Answer { had_numbers: had_numbers != 0, zeros_since }))
}
