"""The course folder's settings for nbgrader. Yours to change: `make student NBGRADER=yes` keeps the file."""

c = get_config()  # noqa: F821 (nbgrader puts it there)

c.CourseDirectory.course_id = "super-resolution"

# The stub stands above the solution and stays: nothing has to be put in the solution's place.
c.ClearSolutions.code_stub = {"python": ""}

# A check takes seconds; the first cell imports PyTorch, which on a busy machine takes longer.
c.Execute.timeout = 120

# A student who deletes a cell with a check loses its points, not the whole sheet.
c.OverwriteCells.add_missing_cells = True
