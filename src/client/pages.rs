//! Answers that come in parts.

use futures_util::{
    Stream, TryStreamExt as _,
    stream::{self, BoxStream},
};
use serde_json::Value;

use super::{Answer, Client, ClientError};
use crate::operation::{Kind, Operation, Query};

impl Client {
    /// Calls an operation as often as it takes to have all that there is: each answer holds what comes after the one
    /// before, as many as `limit` says, or as one reply may hold. What had to be left out is logged.
    ///
    /// ```no_run
    /// # use fullon_cache_api::{client::{Client, ClientError}, handlers::orders::GetOrders};
    /// # use futures_util::TryStreamExt;
    /// # async fn example(client: Client) -> Result<(), ClientError> {
    /// let orders = GetOrders { exchange: "binance".into(), status: None, symbol: None };
    /// let mut pages = client.pages(orders, Some(1000));
    /// while let Some(orders) = pages.try_next().await? {
    ///     println!("{} more", orders.len());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn pages<Q: Query>(
        &self,
        query: Q,
        limit: Option<u32>,
    ) -> BoxStream<'static, Result<Q::Output, ClientError>> {
        let name = Operation::of::<Q>(Kind::Read).map_or("", |operation| operation.name);
        let mut params = match serde_json::to_value(&query) {
            Ok(params) if !name.is_empty() => params,
            Ok(_) => return Box::pin(stream::iter([Err(ClientError::not_registered::<Q>())])),
            Err(error) => return Box::pin(stream::iter([Err(ClientError::unknown_form(&error))])),
        };
        if let (Some(limit), Some(params)) = (limit, params.as_object_mut()) {
            params.insert("limit".to_owned(), limit.into());
        }
        Box::pin(self.pages_by_name(name, params).and_then(move |answer| {
            answer.log_warnings(name);
            std::future::ready(answer.read())
        }))
    }

    /// The same of an operation by its name.
    pub fn pages_by_name(
        &self,
        operation: &str,
        params: Value,
    ) -> impl Stream<Item = Result<Answer, ClientError>> + Send + use<> {
        let (client, operation) = (self.clone(), operation.to_owned());
        stream::try_unfold(Some(params), move |next| {
            let (client, operation) = (client.clone(), operation.clone());
            async move {
                let Some(mut params) = next else { return Ok(None) };
                let answer = client.call_by_name(&operation, &params).await?;
                let next = answer.cursor.clone().and_then(|cursor| {
                    params.as_object_mut()?.insert("cursor".to_owned(), cursor.into());
                    Some(params)
                });
                Ok(Some((answer, next)))
            }
        })
    }
}
