# Short commands. `make test` is all that a new machine needs: it installs what is missing.

.PHONY: demo dev test lint generate book bench soak conformance clients explorer examples wheel packages \
	check-deploy fuzz deny

## Serve a simulated market; needs nothing installed.
demo:
	cargo run --locked --release -- demo

## Serve the Redis of the configuration, with more to read in the log.
dev:
	cargo run --locked -- serve --log-level debug

## Install what is missing, then check and test everything.
test:
	scripts/test

## Formatting, lints, documentation.
lint:
	scripts/lint

## Renew what is generated: schemas/, the operations table of the README, the clients' types and methods, and the
## book's pages of operations and configuration.
generate:
	cargo run --locked --quiet -- schemas --output schemas --readme README.md
	cargo run --locked --quiet -- generate asyncapi
	cargo run --locked --quiet -- generate python
	cargo run --locked --quiet -- generate typescript
	cargo run --locked --quiet -- generate docs --replay tests/fixtures/trading_session.jsonl

## Make the site of the book, in docs/book; needs python3-venv.
book:
	scripts/book

## Race the server against a bare echo and a bare broadcast; prints tables.
bench:
	scripts/bench

## Two hours of clients that come and go; fails if memory grows.
soak:
	cargo bench --locked --quiet --bench soak

## The WebSocket conformance cases; needs python3-venv.
conformance:
	scripts/conformance

## Check and test the clients in Python and TypeScript; needs python3-venv and npm.
clients:
	scripts/clients

## Build the explorer's page anew, into explorer/dist, which is committed; needs npm.
explorer:
	cd explorer && npm ci --ignore-scripts --no-audit --no-fund && npm run build

## Run all examples of the clients against a simulated market; needs python3-venv and npm.
examples:
	scripts/examples

## Make the Python wheel that brings the server along, in target/wheels; needs python3-venv.
wheel:
	scripts/wheel

## Make and check the Debian package, in target/debian, and the Python wheel; needs python3-venv.
packages:
	scripts/packages

## Check what deploy/ brings; needs bubblewrap, groff-base, python3-venv and npm.
check-deploy:
	scripts/deploy

## Fuzz what strangers can write, a minute for each target; `scripts/fuzz 3600` takes an hour for each.
fuzz:
	scripts/fuzz

## Licences, advisories and banned crates; needs cargo-deny.
deny:
	cargo deny --locked check
