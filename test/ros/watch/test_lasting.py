# SPDX-License-Identifier: Apache-2.0
"""For how long a trouble has lasted, by hand."""

from talk2dino_ros.ros.watch.lasting import Lasting


def test_a_trouble_lasts_from_its_first_text_and_says_the_newest():
    trouble = Lasting()
    assert (trouble.text, trouble.seconds(5.0)) == ("", 0.0)
    trouble.note("0.1 s too late", 10.0)
    trouble.note("0.2 s too late", 12.0)
    assert (trouble.text, trouble.seconds(15.0)) == ("0.2 s too late", 5.0)


def test_where_all_is_well_the_next_trouble_is_a_new_one():
    trouble = Lasting()
    trouble.note("none", 10.0)
    trouble.note("", 12.0)
    assert (trouble.text, trouble.seconds(15.0)) == ("", 0.0)
    trouble.note("none", 20.0)
    assert trouble.seconds(21.0) == 1.0
