//! What a person can do. Each command returns once it is durable on this device;
//! sending it is the outbox's work. Errors name the field or the reason.

mod circle;
mod tasks;
mod threads;
mod wounds;
mod write;

pub use circle::NewMember;
pub use tasks::NewTask;
pub use threads::NewThread;
pub use wounds::NewWound;
