"""What is known of workloads without training them."""

from steepest import workloads
from steepest.workloads.about import datasets_of, measured_on, settings_of


def test_data_sets_and_settings_of_workloads_are_found_in_their_files():
    found = {name: [data.name for data in datasets_of(name)] for name in workloads.WORKLOADS}
    assert found["clothes"] == found["diffusion"] == ["clothes"] and found["photos"] == ["stamps"]
    assert found["quadratic"] == found["board"] == [] and found["proteins"] == ["proteins"]
    loaded = {data for names in found.values() for data in names}
    assert loaded >= {"digits", "airfoil", "language", "quatrains", "spelling", "emoji"}
    for name in workloads.FAMILIES:
        assert all(told and "Raises" not in told for _, told in settings_of(name).values()), name


def test_what_was_measured_lies_beside_the_applications_only():
    for name in workloads.WORKLOADS:
        measured = measured_on(name)
        assert (measured is not None) == (name in workloads.APPLICATIONS)
        assert measured is None or measured["target"] == workloads.find(name, try_out=False).target
