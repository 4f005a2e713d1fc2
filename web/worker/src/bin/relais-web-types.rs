//! Prints the TypeScript of what crosses between page and core.

fn main() {
    print!("{}", relais_mobile::table::typescript());
}
