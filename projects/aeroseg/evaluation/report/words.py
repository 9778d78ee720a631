# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Other words for the classes, and words for what is not there."""

from aeroseg.vocabulary import Vocabulary

LEAST_WORDINGS = 5

# Things of everyday life that no aerial image shows.
_TEXT = """
accordion, apple, apron, armchair, banana, basket, bathtub, beetle, birthday
cake, blanket, book, bottle, bowl, bread, broom, brush, bucket, button,
candle, carpet, carrot, cello, cheese, clock, coat, coffee cup, comb,
compass, computer mouse, cookie, cushion, desk lamp, doll, doughnut, drum,
earring, egg, envelope, eraser, eyeglasses, fan, feather, fork, frog, frying
pan, glove, goldfish, guitar, hair dryer, hammer, handbag, hat, headphones,
helmet, honey, ice cream, ironing board, jacket, jar, kettle, keyboard,
kitten, knife, ladle, lemon, lipstick, lobster, mango, microphone, mirror,
mitten, mushroom, necklace, needle, newspaper, notebook, onion, oven, owl,
paintbrush, pancake, parrot, pencil, penguin, pepper, piano, pillow,
pineapple, pizza, plate, puppy, purse, rabbit, raincoat, razor, refrigerator,
robot, sandwich, saucer, saxophone, scarf, scissors, shampoo, shoe,
skateboard, slipper, snail, sock, sofa, spider, spoon, stapler, strawberry,
suitcase, sweater, teapot, teddy bear, telephone, television, toaster,
toothbrush, towel, trumpet, turtle, umbrella, vase, violin, wallet,
wheelchair, whistle, wine glass, wolf, wristwatch, xylophone, zebra, zipper
"""
_DISTRACTORS = tuple(' '.join(w.split()) for w in _TEXT.split(','))


def wordings_of(
    vocabulary: Vocabulary, file: str | None = None
) -> list[tuple[str, ...]]:
    """Equally many wordings of every class, the usual one first.

    Args:
        vocabulary (Vocabulary): The classes.
        file (str, optional): A vocabulary file (:meth:`Vocabulary.from_file`)
            with a line per class: its name, then further words. Without one,
            the synonyms of the classes and simple variations of the words
            are taken: the plural, 'NAME area', 'NAME seen from above', ...

    Returns:
        list[tuple[str, ...]]: Per class at least five words; as many as the
        class with the fewest has.

    Raises:
        ValueError: If the file lacks a class, or a class has fewer than
            five words.
    """
    if file is None:
        groups = [
            tuple(dict.fromkeys((*words, *_variations(words[0]))))
            for words in vocabulary.synonyms
        ]
    else:
        given = Vocabulary.from_file(file)
        lines = dict(zip(given.names, given.synonyms, strict=True))
        lacking = [name for name in vocabulary.names if name not in lines]
        if lacking:
            raise ValueError(
                f'{file} has no line for {lacking}; write a line per class, '
                'its name and then further words: "road, street, paved road"'
            )
        groups = [lines[name] for name in vocabulary.names]
        few = [group[0] for group in groups if len(group) < LEAST_WORDINGS]
        if few:
            raise ValueError(
                f'{file} has fewer than {LEAST_WORDINGS} words for {few}; '
                'give each class as many, its name included'
            )
    number = min(map(len, groups))
    return [group[:number] for group in groups]


def distractors_for(vocabulary: Vocabulary, number: int) -> tuple[str, ...]:
    """Words for things that are not in the images.

    Args:
        vocabulary (Vocabulary): The classes; a distractor shares no word
            with them.
        number (int): How many, up to 100.
    """
    used = {
        part
        for group in vocabulary.queries
        for word in group
        for part in word.casefold().split()
    }
    free = [w for w in _DISTRACTORS if not used.intersection(w.split())]
    return tuple(free[:number])


def _variations(name: str) -> tuple[str, ...]:
    return (
        _plural(name),
        f'{name} area',
        f'{name} seen from above',
        f'kind of {name}',
    )


def _plural(name: str) -> str:
    if name.endswith(('s', 'x', 'z', 'ch', 'sh')):
        return f'{name}es'
    if name.endswith('y') and name[-2:-1] not in 'aeiou':
        return f'{name[:-1]}ies'
    return f'{name}s'
