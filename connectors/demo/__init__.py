"""A fictional company to try the product on: it sells compressors, cooling, water treatment and monitoring, with service contracts.

`write(folder)` makes its CRM, its ERP and its survey files, and an ordinary sources file that maps them. A source of kind "demo"
(`connectors.demo.connector`) makes them where they are missing and offers their tables.
"""

from connectors.demo.write import Truth, write

__all__ = ["Truth", "write"]
