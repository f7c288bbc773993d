"""Numbers as a body may carry them: real ones, neither texts nor truth values, neither NaN nor infinite."""

from typing import Annotated

from pydantic import Field

Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Share = Annotated[Number, Field(ge=0, le=1)]
