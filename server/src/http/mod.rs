//! The routes. Owns sizes of bodies and who may ask at all; leaves what is asked to
//! the modules below.

pub mod blobs;
pub mod enrol;
mod origin;
pub mod restore;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::to_bytes;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::StatusCode;
use axum::middleware::from_fn_with_state;
use axum::response::Response;
use axum::routing::{get, post};
use bytes::Bytes;
use relais_wire::v1::StructureRecord;
use relais_wire::{RefusalCode, limits};

use crate::app::App;
use crate::error::{Refused, protobuf};
use crate::{web, ws};

/// All routes.
pub fn router(app: Arc<App>) -> Router {
    Router::new()
        .route("/v1/structure", get(structure))
        .route("/v1/structure/log", post(enrol::structure_log))
        .route("/v1/structure/restore", post(restore::restore))
        .route("/v1/enrol", post(enrol::enrol))
        .route(
            "/v1/channels/{channel}/blobs",
            post(blobs::create).options(blobs::capabilities),
        )
        .route(
            "/v1/blobs/{blob}",
            get(blobs::fetch)
                .head(blobs::offset)
                .patch(blobs::append)
                .options(blobs::capabilities),
        )
        .route("/v1/ws", get(ws::upgrade))
        // Routes with larger bodies read them themselves, with a limit of their own.
        .layer(DefaultBodyLimit::max(limits::STATEMENT_BYTES))
        .route_layer(from_fn_with_state(app.clone(), origin::check))
        .route("/health", get(health))
        .fallback(web::serve)
        .with_state(app)
}

/// 200 once the store answers.
async fn health(State(app): State<Arc<App>>) -> Result<&'static str, Refused> {
    app.store.founding().await?;
    Ok("ok\n")
}

async fn structure(State(app): State<Arc<App>>) -> Result<Response, Refused> {
    admit(&app)?;
    let record = StructureRecord {
        structure_id: app.founding.structure.to_bytes(),
        setup_key: app.founding.setup_key.to_vec().into(),
        ciphersuite: app.config.ciphersuite.unwrap_or(0).into(),
    };
    Ok(protobuf(StatusCode::OK, &record))
}

/// Counts a request without a device.
fn admit(app: &App) -> Result<(), Refused> {
    if app.unauthenticated.allow((), app.now_ms()) {
        Ok(())
    } else {
        Err(RefusalCode::TooManyRequests.into())
    }
}

/// A whole body of at most `limit` bytes.
async fn body(request: Request, limit: usize) -> Result<Bytes, Refused> {
    let patience = Duration::from_millis(limits::HELLO_MS);
    let body = tokio::time::timeout(patience, to_bytes(request.into_body(), limit)).await;
    let body = body.map_err(|_| RefusalCode::TooManyRequests)?;
    body.map_err(|_| RefusalCode::TooLarge.into())
}
