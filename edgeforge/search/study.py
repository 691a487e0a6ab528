"""The study: Optuna's, in a journal on a folder or in a database, that any number of workers share.

A worker that is killed in a trial gives it back. A database knows of it by heartbeats; beside a journal each worker
holds a file's lock for its trial, which any death frees.
"""

from __future__ import annotations

import contextlib
import json
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from filelock import FileLock, Timeout

from edgeforge.errors import EdgeForgeError, RecipeError
from edgeforge.extras import missing_in
from edgeforge.foreign.wording import cause, remedy
from edgeforge.search.sampler import RETRIED, ROOT, sampler_of
from edgeforge.search.space import Space

if TYPE_CHECKING:
    import optuna
    from optuna.trial import FrozenTrial

HEARTBEAT = 10  # seconds
GRACE = 60  # seconds without a heartbeat after which a worker counts as dead
SPACE, SURPLUS = "space", "surplus"
JOURNAL = "journal.log"
DAMAGED = (ValueError, LookupError, TypeError, AssertionError, AttributeError, ArithmeticError, RecursionError)


class Study:
    """What workers share of a search. Raises EdgeForgeError for a storage that cannot be used."""

    def __init__(self, space: Space, storage: str | None, folder: Path) -> None:
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)  # of heartbeats and retries
        warnings.filterwarnings("ignore", message="Heartbeat of storage")  # `held` sends them
        self.space, self.search = space, space.search
        self.name = space.loaded.recipe.name
        self.place = storage or str(folder / JOURNAL)
        self.locks = None if "://" in self.place else Path(f"{self.place}.locks")
        directions: list[Literal["maximize", "minimize"]] = ["maximize" for _ in self.search.maximize]
        directions += ["minimize" for _ in self.search.minimize]
        with self.errors():
            self._storage = self._open()
            self.optuna = optuna.create_study(
                study_name=self.name,
                storage=self._storage,
                directions=directions,
                sampler=sampler_of(space),
                load_if_exists=True,
            )
            self._require_same_space()

    def _open(self) -> Any:
        import optuna

        if self.locks is not None:
            from edgeforge.search.storage.journal import open_journal

            return open_journal(Path(self.place), self.locks)
        url = self.place.replace("postgres://", "postgresql://", 1)
        return optuna.storages.RDBStorage(
            url.replace("postgresql://", "postgresql+psycopg://", 1),
            engine_kwargs={"pool_pre_ping": True},
            heartbeat_interval=HEARTBEAT,
            grace_period=GRACE,
            heartbeat_stale_trial_callback=self._retry,
        )

    def _require_same_space(self) -> None:
        now = json.loads(json.dumps(identity(self.space)))
        known = self.optuna.user_attrs.get(SPACE)
        if known is None:
            if (own := self.space.own) and self.space.combinations is None:
                # First the recipe as it stands, that the others are seen beside: once, also after a kill in here.
                self.optuna.enqueue_trial(own, skip_if_exists=True)
            self.optuna.set_user_attr(SPACE, now)
        elif known != now:
            key, there, here = first_difference(known, now)
            raise RecipeError(
                f"{self.shown}: another search by the name of {self.name} is there: {key} is {there[:200]} there "
                f"and {here[:200]} here",
                fix="give the recipe another name, or name another --storage",
            )

    @property
    def shown(self) -> str:
        """The storage, without a password."""
        scheme, separator, rest = self.place.partition("://")
        return f"{scheme}{separator}{rest.rpartition('@')[2]}" if separator else self.place

    @contextlib.contextmanager
    def errors(self) -> Iterator[None]:
        """Turn what a storage raises into one line."""
        from optuna.exceptions import StorageInternalError
        from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

        try:
            yield
        except ImportError as error:
            if absent := missing_in(error):
                raise absent from error
            reason = f"--storage {self.shown}: Python has no package here that speaks to it"
            raise RecipeError(reason, fix="name postgresql://USER@HOST/DATABASE, or a file") from error
        except (ArgumentError, NoSuchModuleError) as error:
            reason = f"--storage {self.shown}: this is no address of a database"
            raise RecipeError(reason, fix="name postgresql://USER@HOST/DATABASE, or a file") from error
        except (SQLAlchemyError, StorageInternalError) as error:
            reason = f"--storage {self.shown} cannot be reached, or does not let this user in"
            raise EdgeForgeError(
                reason, fix="start the database, check its address and user, then the same again"
            ) from error
        except OSError as error:
            reason = f"--storage {self.shown} cannot be used: {cause(error)}"
            fix = f"{remedy(error, 'check it')}; or name a file in a folder that can be written"
            raise EdgeForgeError(reason, fix=fix) from error
        except DAMAGED as error:
            if self.locks is None:
                raise
            from edgeforge.search.storage.journal import damaged

            raise damaged(self.shown) from error

    def trials(self) -> list[FrozenTrial]:
        """Return all of them, retries and surplus included."""
        with self.errors():
            return self.optuna.get_trials(deepcopy=False)

    def next(self) -> optuna.Trial | None:
        """Return a trial to run, a dead worker's before a new one; None when none is left to begin."""
        import optuna

        with self.errors(), self._alone():
            self._give_back_the_dead()
            trials = self.optuna.get_trials(deepcopy=False)
            waiting = any(one.state == optuna.trial.TrialState.WAITING for one in trials)
            if not waiting and len(originals(trials)) >= self.space.trials:
                return None
            trial = self.optuna.ask(self.space.distributions)
            if self._surplus(trial):  # another worker has begun the last one meanwhile
                trial.set_user_attr(SURPLUS, True)
                self.optuna.tell(trial, state=optuna.trial.TrialState.FAIL)
                return None
            self._hold(trial)
            return trial

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """Beside a journal one worker at a time begins a trial: before it holds the trial's lock it would seem dead."""
        if self.locks is None:
            yield
        else:
            with FileLock(self.locks / "next.lock"):
                yield

    def _hold(self, trial: optuna.Trial) -> None:
        if self.locks is None:
            self._storage.record_heartbeat(trial._trial_id)
        else:
            self._lock = FileLock(self.locks / f"{trial.number}.lock")
            self._lock.acquire()

    def running(self) -> int:
        """Return how many trials are at work anywhere."""
        return sum(1 for one in self.trials() if one.state.name in ("RUNNING", "WAITING"))

    def _surplus(self, trial: optuna.Trial) -> bool:
        if trial.number < self.space.trials:
            return False
        earlier = [one for one in self.optuna.get_trials(deepcopy=False) if one.number <= trial.number]
        last = next(one for one in earlier if one.number == trial.number)
        return ROOT not in last.system_attrs and len(originals(earlier)) > self.space.trials

    @contextlib.contextmanager
    def held(self, trial: optuna.Trial) -> Iterator[None]:
        """Let the other workers know that this one is alive as long as it is in here: the trial is `next`'s last."""
        if self.locks is not None:
            try:
                yield
            finally:
                self._lock.release()
            return
        ended = threading.Event()

        def beat() -> None:
            while True:
                with contextlib.suppress(Exception):  # the next one may get through
                    self._storage.record_heartbeat(trial._trial_id)
                if ended.wait(HEARTBEAT):
                    return

        thread = threading.Thread(target=beat, daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def give_back(self, trial: optuna.Trial) -> None:
        """Return a trial that was interrupted: it is the next to be run."""
        with self.errors(), self._alone():
            self._queue_and_end(trial.number, None)

    def _give_back_the_dead(self) -> None:
        import optuna

        if self.locks is None:
            optuna.storages.fail_stale_trials(self.optuna)
            return
        for trial in self.optuna.get_trials(deepcopy=False, states=(optuna.trial.TrialState.RUNNING,)):
            with contextlib.suppress(Timeout), FileLock(self.locks / f"{trial.number}.lock", timeout=0):
                found = next(one for one in self.optuna.get_trials(deepcopy=False) if one.number == trial.number)
                if found.state == optuna.trial.TrialState.RUNNING:
                    self._queue_and_end(trial.number, self.search.retries)

    def _queue_and_end(self, number: int, most: int | None) -> None:
        """Queue a trial again, then end it: a worker that is killed in between leaves it running, and not lost."""
        import optuna

        trials = self.optuna.get_trials()
        if not any(one.system_attrs.get(RETRIED, [])[-1:] == [number] for one in trials):  # by such a worker
            trial = next(one for one in trials if one.number == number)
            optuna.storages.RetryHeartbeatStaleTrialCallback(most)(self.optuna, trial)
        self.optuna.tell(number, state=optuna.trial.TrialState.FAIL)

    def _retry(self, study: optuna.Study, trial: FrozenTrial) -> None:
        import optuna

        optuna.storages.RetryHeartbeatStaleTrialCallback(max_retry=self.search.retries)(study, trial)


def originals(trials: list[FrozenTrial]) -> list[FrozenTrial]:
    """Return the trials that are none's retry and were not begun in excess."""
    return [one for one in trials if ROOT not in one.system_attrs and not one.user_attrs.get(SURPLUS)]


def first_difference(there: Any, here: Any) -> tuple[str, str, str]:
    """Return the whole path of the first key whose values differ, and both as JSON; null where there is none."""
    path: list[str] = []
    while isinstance(there, dict) and isinstance(here, dict):
        keys = sorted(there.keys() | here.keys())
        path.append(next(key for key in keys if not (key in there and key in here) or there[key] != here[key]))
        there, here = there.get(path[-1]), here.get(path[-1])
    return ".".join(path), json.dumps(there), json.dumps(here)


def identity(space: Space) -> dict[str, Any]:
    """Return what makes trials comparable: everything in the recipe but how many there are, and where its data is."""
    recipe = space.loaded.recipe.model_dump(mode="json", exclude={"measure", "name"})
    search = {key: value for key, value in recipe.pop("search").items() if key not in ("trials", "retries", "sampler")}
    recipe["data"].pop("root")
    return {f"search.{key}": value for key, value in search.items()} | recipe
