"""Quality, cleaning rules, dictionary, lineage, and the report in words."""

from __future__ import annotations

from shopkeeper.apps.service import labels
from shopkeeper.apps.service.context import OpenShop
from shopkeeper.apps.service.schemas.common import Text
from shopkeeper.apps.service.schemas.govern import (
    Dictionary,
    DictionaryColumn,
    DictionaryTable,
)
from shopkeeper.core.tables import ALL, TableContract


def dictionary(shop: OpenShop) -> Dictionary:
    """The data dictionary, from the table contracts.

    Parameters
    ----------
    shop
        The open shop; unused columns of the shop's own are listed where a table stores them.

    Returns
    -------
    Dictionary
        Tables in the order data flows.
    """
    del shop
    return Dictionary(tables=[_table(contract) for contract in ALL.values()])


def _table(contract: TableContract) -> DictionaryTable:
    fixed = {*contract.key, *contract.required}
    return DictionaryTable(
        table=contract.name,
        stage=labels.STAGE_OF_TABLE[contract.name],
        label=labels.named(labels.TABLES, contract.name),
        meaning=Text(zh=contract.zh, en=contract.en),
        columns=[
            DictionaryColumn(
                name=str(column),
                type=column.kind,
                unit=column.unit or None,
                key=column in contract.key,
                nullable=column not in fixed,
                classification=column.privacy if column.privacy != "none" else column.tier,
                classification_label=labels.named(
                    labels.CLASSIFICATIONS,
                    column.privacy if column.privacy != "none" else column.tier,
                ),
                meaning=Text(zh=column.zh, en=column.en),
            )
            for column in contract.columns
        ],
    )
