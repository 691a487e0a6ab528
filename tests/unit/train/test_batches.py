from edgeforge.train.batches import BatchOrder


def test_each_epoch_has_its_own_order_and_a_resumed_one_the_same() -> None:
    orders = []
    for epoch in (0, 1):
        order = BatchOrder(100, 32, seed=42)
        order.set_epoch(epoch)
        batches = list(order)
        assert [len(batch) for batch in batches] == [32, 32, 32, 4] and len(order) == 4
        assert sorted(index for batch in batches for index in batch) == list(range(100))
        orders.append(batches)
    assert orders[0] != orders[1]
    again = BatchOrder(100, 32, seed=42)
    again.set_epoch(1)
    assert list(again) == orders[1]


def test_without_a_seed_images_come_as_stored() -> None:
    assert list(BatchOrder(5, 2, seed=None)) == [[0, 1], [2, 3], [4]]
