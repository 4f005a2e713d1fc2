//! The core in a browser's worker.

#[cfg(test)]
mod tests {
    /// `cargo run -p relais-web --bin relais-web-types > web/app/src/lib/relais/types.ts`
    #[test]
    fn the_page_has_the_types_of_this_core() {
        let page = include_str!("../../app/src/lib/relais/types.ts");
        assert_eq!(page, relais_mobile::table::typescript());
    }
}
