"""The market channel as its documents and recordings describe it."""

from __future__ import annotations

import json

import pytest
import websocket

from tests.sim.running import Running, Serve, received, received_until, send, silent


def test_a_first_frame_is_answered_by_a_compact_array_with_a_line_end(exchange: Running) -> None:
    ws = exchange.socket()
    send(ws, assets_ids=exchange.tokens, type="market")

    text = str(ws.recv())

    assert text.endswith("}]\n")
    assert ", " not in text
    assert [book["asset_id"] for book in json.loads(text)] == exchange.tokens


def test_a_snapshot_has_the_recorded_keys_in_the_recorded_order(exchange: Running) -> None:
    ws = exchange.socket()
    send(ws, assets_ids=exchange.tokens[:1], type="market")

    (book,) = received(ws)

    assert list(book) == [
        "market", "asset_id", "timestamp", "hash", "bids", "asks", "tick_size", "event_type",
        "last_trade_price",
    ]  # fmt: skip
    assert [float(level["price"]) for level in book["bids"]] == sorted(
        float(level["price"]) for level in book["bids"]
    )
    assert float(book["asks"][0]["price"]) > float(book["asks"][-1]["price"])
    assert book["last_trade_price"] == ""


def test_a_position_id_is_marked_with_its_version(serve: Serve) -> None:
    exchange = serve(tokens=1, positions=1)
    ws = exchange.socket()
    send(ws, assets_ids=exchange.tokens, type="market")

    (book,) = received(ws)

    assert list(book)[-1] == "version"
    assert book["version"] == "v2"


def test_ping_is_answered_by_pong(exchange: Running) -> None:
    assert silent(exchange.socket())


def test_a_second_first_frame_is_an_invalid_operation(exchange: Running) -> None:
    ws = exchange.subscribed(exchange.tokens[0])

    send(ws, assets_ids=exchange.tokens, type="market")

    assert received(ws) == "INVALID OPERATION"


@pytest.mark.parametrize("text", ["not json", "[]", '{"type":"user"}', '{"operation":"dance"}'])
def test_a_frame_that_makes_no_sense_is_an_invalid_operation(exchange: Running, text: str) -> None:
    ws = exchange.socket()

    ws.send(text)

    assert received(ws) == "INVALID OPERATION"


def test_a_misspelt_list_of_ids_leaves_an_open_silent_connection(exchange: Running) -> None:
    ws = exchange.socket()
    send(ws, asset_ids=exchange.tokens, type="market")

    assert silent(ws)


def test_an_empty_list_is_taken_with_the_flag_only(exchange: Running) -> None:
    plain, custom = exchange.socket(), exchange.socket()

    send(plain, assets_ids=[], type="market")
    send(custom, assets_ids=[], type="market", custom_feature_enabled=True)

    assert received(plain) == "INVALID OPERATION"
    assert silent(custom)


def test_tokens_are_added_to_an_open_connection(exchange: Running) -> None:
    first, second = exchange.tokens
    ws = exchange.subscribed(first)

    send(ws, assets_ids=[first, second], operation="subscribe")

    assert [book["asset_id"] for book in received(ws)] == [second]


def test_adding_what_is_there_already_gives_no_new_assets(exchange: Running) -> None:
    ws = exchange.subscribed(exchange.tokens[0])

    send(ws, assets_ids=[exchange.tokens[0]], operation="subscribe")

    assert received(ws) == "NO NEW ASSETS"


def test_an_ended_token_is_no_new_asset(exchange: Running) -> None:
    ws = exchange.subscribed(exchange.tokens[0])
    exchange.control(do="resolve", token=exchange.tokens[1])

    send(ws, assets_ids=[exchange.tokens[1]], operation="subscribe")

    assert received(ws) == "NO NEW ASSETS"


def test_a_token_that_left_and_came_back_gets_no_second_snapshot(exchange: Running) -> None:
    token = exchange.tokens[0]
    ws = exchange.subscribed(token)

    send(ws, assets_ids=[token], operation="unsubscribe")
    send(ws, assets_ids=[token], operation="subscribe")

    assert silent(ws)
    exchange.control(do="quote", token=token, side="BUY", price="0.02", size="7")
    assert received(ws)["event_type"] == "price_change"


def test_nothing_comes_for_a_token_that_left(exchange: Running) -> None:
    token = exchange.tokens[0]
    ws = exchange.subscribed(token)
    send(ws, assets_ids=[token], operation="unsubscribe")
    assert silent(ws)

    exchange.control(do="quote", token=token, side="BUY", price="0.02", size="7")

    assert silent(ws)


def test_a_change_is_reported_for_both_tokens_mirrored(exchange: Running) -> None:
    token = exchange.tokens[0]
    ws = exchange.subscribed(token)

    exchange.control(do="quote", token=token, side="BUY", price="0.03", size="12.5")

    text = ws.recv()
    frame = json.loads(text)
    own, other = frame["price_changes"]
    assert ', "price_changes":[{"asset_id":"' in text
    assert list(frame) == ["market", "price_changes", "timestamp", "event_type"]
    assert (own["asset_id"], own["price"], own["size"], own["side"]) == (
        token, "0.03", "12.5", "BUY",
    )  # fmt: skip
    assert (other["asset_id"], other["price"], other["size"], other["side"]) == (
        exchange.sibling(token), "0.97", "12.5", "SELL",
    )  # fmt: skip
    assert float(own["best_bid"]) == pytest.approx(1 - float(other["best_ask"]))


def test_books_follow_a_trade_without_tick_size_and_then_the_trade(exchange: Running) -> None:
    token = exchange.tokens[0]
    ws = exchange.subscribed(token, exchange.sibling(token))

    exchange.control(do="trade", token=token, side="BUY", size="3")

    first, second, trade = received(ws), received(ws), received(ws)
    assert list(first) == [
        "market", "asset_id", "bids", "asks", "hash", "timestamp", "event_type",
    ]  # fmt: skip
    assert [first["asset_id"], second["asset_id"]] == [token, exchange.sibling(token)]
    assert (trade["event_type"], trade["asset_id"], trade["side"], trade["size"]) == (
        "last_trade_price", token, "BUY", "3",
    )  # fmt: skip
    assert int(trade["timestamp"]) - int(first["timestamp"]) == 36
    assert silent(ws)


def test_the_sibling_alone_gets_its_book_and_no_trade(exchange: Running) -> None:
    token = exchange.tokens[0]
    ws = exchange.subscribed(exchange.sibling(token))

    exchange.control(do="trade", token=token, side="BUY", size="3")

    assert received(ws)["asset_id"] == exchange.sibling(token)
    assert silent(ws)


def test_a_batch_has_one_timestamp_and_one_hash_for_each_token(exchange: Running) -> None:
    """A hit that leaves a remainder locks the local book until the batch has ended."""
    token = exchange.tokens[0]
    ws = exchange.subscribed(token, exchange.sibling(token))

    exchange.control(do="locked_batch", token=token, size="7")

    frames = received_until(ws, "last_trade_price")
    changes = [frame for frame in frames if frame["event_type"] == "price_change"]
    books = [frame for frame in frames if frame["event_type"] == "book"]
    added, removed = (
        next(each for each in frame["price_changes"] if each["asset_id"] == token)
        for frame in changes
    )
    assert (added["side"], added["size"]) == ("SELL", "7")
    assert (removed["side"], removed["size"]) == ("BUY", "0")
    assert added["price"] == removed["price"] == added["best_ask"]
    assert len({frame["timestamp"] for frame in changes + books}) == 1
    for book in books:
        hashes = {
            change["hash"]
            for frame in changes
            for change in frame["price_changes"]
            if change["asset_id"] == book["asset_id"]
        }
        assert hashes == {book["hash"]}


def test_the_best_prices_come_first_and_with_the_flag_only(exchange: Running) -> None:
    token = exchange.tokens[0]
    plain, custom = exchange.subscribed(token), exchange.subscribed(token, custom=True)
    bids = exchange.control(do="book", token=token)["bids"]
    better = f"{float(bids[-1]['price']) + 0.01:.2f}"

    exchange.control(do="quote", token=token, side="BUY", price=better, size="50")

    best, change = received(custom), received(custom)
    assert best["event_type"] == "best_bid_ask"
    assert best["best_bid"] == change["price_changes"][0]["best_bid"] == better
    assert int(best["timestamp"]) == int(change["timestamp"]) + 1
    assert received(plain)["event_type"] == "price_change"


def test_a_change_below_the_best_prices_moves_no_best_prices(exchange: Running) -> None:
    ws = exchange.subscribed(exchange.tokens[0], custom=True)

    exchange.control(do="quote", token=exchange.tokens[0], side="BUY", price="0.02", size="5")

    assert received(ws)["event_type"] == "price_change"


def test_an_empty_side_is_0_or_1(exchange: Running) -> None:
    token = exchange.tokens[0]
    ws = exchange.subscribed(token)

    exchange.control(do="empty_side", token=token, side="BUY")
    exchange.control(do="empty_side", token=token, side="SELL")
    exchange.control(do="quote", token=token, side="BUY", price="0.4", size="9")

    last = received(ws)
    while last["price_changes"][0]["size"] != "9":
        last = received(ws)
    own, other = last["price_changes"]
    assert (own["best_bid"], own["best_ask"]) == ("0.4", "1")
    assert (other["best_bid"], other["best_ask"]) == ("0", "0.6")


def test_a_tick_change_is_told_for_the_token(exchange: Running) -> None:
    ws = exchange.subscribed(exchange.tokens[0])

    exchange.control(do="tick", token=exchange.tokens[0], tick="0.001")

    frame = received(ws)
    assert (frame["event_type"], frame["old_tick_size"], frame["new_tick_size"]) == (
        "tick_size_change", "0.01", "0.001",
    )  # fmt: skip


def test_a_resolution_is_told_with_the_flag_only_and_not_always(serve: Serve) -> None:
    exchange = serve(tokens=2)
    first, second = exchange.tokens
    ws = exchange.subscribed(first, second, custom=True)

    exchange.control(do="resolve", token=first, event=False)
    exchange.control(do="resolve", token=second, event=True)

    frame = received(ws)
    assert (frame["event_type"], frame["winning_asset_id"]) == ("market_resolved", second)
    assert silent(ws)


def test_a_new_market_is_ten_kilobytes_for_those_with_the_flag(exchange: Running) -> None:
    plain, custom = exchange.subscribed(exchange.tokens[0]), exchange.socket()
    send(custom, assets_ids=[], type="market", custom_feature_enabled=True)
    assert silent(custom)

    exchange.control(do="new_markets", count=1)

    text = custom.recv()
    assert json.loads(text)["event_type"] == "new_market"
    assert 8_000 < len(text) < 14_000
    assert silent(plain)


def test_one_frame_with_very_many_ids_ends_the_connection(exchange: Running) -> None:
    ws = exchange.socket()

    send(ws, assets_ids=[str(number) for number in range(1000)], type="market")

    with pytest.raises((websocket.WebSocketConnectionClosedException, ConnectionError)):
        ws.recv()


def test_more_than_500_tokens_on_one_connection_get_no_data(serve: Serve) -> None:
    exchange = serve(tokens=260)
    every = [t for token in exchange.tokens for t in (token, exchange.sibling(token))]
    ws = exchange.subscribed(*every[:400])

    send(ws, assets_ids=every[400:], operation="subscribe")
    assert silent(ws)
    exchange.control(do="quote", token=every[0], side="BUY", price="0.02", size="7")

    assert silent(ws)


def test_too_many_connections_at_once_are_refused(exchange: Running) -> None:
    for _ in range(40):
        exchange.socket()

    with pytest.raises(websocket.WebSocketBadStatusException) as refused:
        exchange.socket()

    assert refused.value.status_code == 429


def test_the_closing_handshake_is_echoed(exchange: Running) -> None:
    ws = exchange.subscribed(exchange.tokens[0])

    ws.send_close(1000)
    opcode, data = ws.recv_data()

    assert opcode == websocket.ABNF.OPCODE_CLOSE
    assert int.from_bytes(data[:2], "big") == 1000
