//! What people live through with Relais, played by real engines against the real server.
//! One program: linking it is the slow part, and each test runs in a process of its own.

mod benches;
mod care_thread;
mod coordinators;
mod devices;
mod faults;
mod history;
mod history_hostile;
mod hostile;
mod hostile_bytes;
mod hostile_member;
mod inbox;
mod lies;
mod membership;
mod mobile;
mod reachability;
mod rejoin;
mod restored_circle;
mod restored_photos;
mod restored_server;
mod restored_structure;
mod restored_threads;
mod returning;
mod to_do;
mod whole_story;
mod wounds;
