"""Groups, joins, resamples and reads back a table; the sums are known."""

import io

import numpy as np
import pandas as pd

sales = pd.DataFrame(
    {
        "day": pd.date_range("2024-02-27", periods=6, freq="D"),
        "shop": ["a", "b", "a", "b", "a", "b"],
        "pieces": [1, 2, 3, 4, 5, 6],
    }
)
assert sales.groupby("shop")["pieces"].sum().to_dict() == {"a": 9, "b": 12}

prices = pd.DataFrame({"shop": ["a", "b"], "price": [2.0, 0.5]})
joined = sales.merge(prices, on="shop")
assert (joined["pieces"] * joined["price"]).sum() == 24.0  # 9 · 2 + 12 · 0.5

# 2024 is a leap year: three of the days are in February.
months = sales.set_index("day")["pieces"].groupby(lambda day: day.month).sum()
assert months.to_dict() == {2: 6, 3: 15}, months
rolling = sales["pieces"].rolling(3).mean().dropna()
assert np.allclose(rolling, [2, 3, 4, 5]), rolling

again = pd.read_csv(io.StringIO(sales.to_csv(index=False)), parse_dates=["day"])
assert (again["day"] == sales["day"]).all()
assert again["pieces"].tolist() == [1, 2, 3, 4, 5, 6]
table = sales.pivot_table(index="shop", columns=sales["day"].dt.month, values="pieces", aggfunc="sum")
assert table.loc["b", 3] == 10, table
print(f"pandas: {pd.__version__}")
