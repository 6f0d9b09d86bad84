"""How are we doing, and what changed?"""

from access.guard import guard
from metrics import CATALOGUE
from ui import cards, page

guard("overview")
view = page.begin("overview")
cards.row(view, [cards.Card(name) for name in list(CATALOGUE)[:6]])
