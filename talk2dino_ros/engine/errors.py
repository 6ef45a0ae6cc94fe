# SPDX-License-Identifier: Apache-2.0
"""All errors of the package, by what the user has to mend.

error                       defined in                              whose fault
Talk2DinoError              engine/errors                           -
  VocabularyError           engine/errors                           the words of a request or a file
  ModelError                engine/errors                           the name of a model, device, precision or option
  WeightsError              engine/errors                           a weights file: missing, cut off, or of another sum
  ImageError                engine/errors                           an image that is none, or cannot be decoded
    UnwritableError         viz/pictures                            the place or the name of a result
    ResultsError            cli/files/result_folder                 a folder of results: its settings, or its state
  TrainingError             engine/errors                           a recipe, captions, a feature store or a checkpoint
  ClusterError              engine/errors                           a cluster's address, its workers, or a missing Ray
  DatasetError              engine/evaluate/datasets/dataset        a labelled data set, or a run's files
  TextCacheError            engine/text/text_cache                  the cache's folder; words are encoded all the same
  GeometryError             perception/space/camera_model           a camera's calibration, depth or cloud
    UnmatchedError          segmenter/depth_topics                  the drivers: an image without depth or camera_info
  ForgottenPlaceError       perception/memory/spatial_memory        the place's id, which is not known any more
  PoseError                 perception/memory/sensor_pose           the robot's TF, or the sender of poses
  RejectedImageError        perception/memory/image_gate            the depth, the TF or the localisation of an image
  StoreError                perception/memory/disk/store_lock       a memory's folder or file, or another process on it
    StoreWriteError         perception/memory/disk/keyframe_store   the disk; what was written is served all the same
  TrackerError              perception/tracking/tracked_object      the trackers' options, or a detection
  TransformError            ros/tf/transforms                       the robot's TF
  BagError                  ros/bags/bag_reader                     the bag's file, or what it lacks
  DefinitionError           ros/messages/message_definitions        the installation: rosbags, or a .msg file is missing
  MessageError              ros/node/message_guard                  the sender of a message
  MessageSizeError          ros/node/message_sizes                  the sender of a message, of which lists have no end
  QueueError                ros/requests/request_queue              the callers: too many wait, or a newer request came
  UnansweredError           ros/requests/request_desk               a process that asks faster than it is answered
  StartError                ros/node/run_node                       the shell's environment, or the command's arguments
  ParameterError            ros/parameters/parameter_set            a parameter's value, or the moment of its change
  LaunchArgumentError       ros/parameters/launch_arguments         an argument of the launch file
  SecurityError             ros/security/security_settings          SROS 2's settings, keystore or policy
  StateError                segmenter/vocabulary/vocabulary_state   the state file; the node goes on without it
  PresenceError             segmenter/vocabulary/presence_server  a question by is_in_view, or a camera without images
  ProblemError              segmenter/problem/problem_folder        the disk, or a problem's folder that is damaged
  ReplayError               segmenter/replay/result_journal         the place of a replay's results, or its images
  StallError                segmenter/segmenter_node                the model or its device, which does not return
  RequestError              goal/task/choice                        the fields of a go_to
  NotActiveError            goal/goal_server                        the moment of a go_to
  GridError                 goal/grid                               the sender of a costmap
  NoFreePoseError           goal/stand_off                          the room, or the distance asked for
  NoCostmapError            goal/surroundings                       Nav2, or the topic's name
  NoMemoryError             goal/memory_client                      the memory, or its name
    AbsentMemoryError       goal/memory_client                      start a memory
  NotInVocabularyError      goal/vocabulary_client                  the word of a go_to
  NoAnswerError             goal/vocabulary_client                  the segmenter, or its name
  AskError                  memory/memory_server                    the fields of a request to the memory, or its moment
  NoVectorsError            memory/text_client                      the segmenter, or its name, or what it answers
  ClientError               client/client_errors                    the program that uses the client
    AbsentNodeError         client/client_errors                    a node that is not there, or its name
    SilentNodeError         client/client_errors                    a node that hangs, or has no images
    RefusedError            client/client_errors                    the fields of a request
      VocabularyConflictError client/client_errors                  another client, which has changed the words
  DemoError                 demo/processes                          a process of the demo
  WebError                  web/web_source                          the page's address or port, or what a page asks for
    ConflictError           web/web_source                          two pages that change the words at once
    ForbiddenError          web/web_source                          who asks: another page, no token, or read-only
    TooLargeError           web/web_source                          who sends far more than any words have

An indented one derives from the one that stands above it. Every message is one sentence with the value, what was
expected and the remedy. Not of the family: NotKnownError (ros/tf/lookup) and DamagedRowError
(perception/memory/disk/sealed_rows), which never leave their rooms, and the set-up's SetupError
(tools/setup_env/errors).
Not of the package: the errors of the simulated room (benchmarks/nav).
"""

from talk2dino_ros.engine.text.safe_text import safe_text


class Talk2DinoError(Exception):
    """Base of all errors that this package raises on purpose.

    Its text is safe to show, whatever it quotes. Further arguments are details, which stand below the sentence.
    """

    def __str__(self) -> str:
        return "\n  ".join(safe_text(str(each)) for each in self.args)


class VocabularyError(Talk2DinoError):
    """Words that cannot become a vocabulary; the old vocabulary stays active."""


class ModelError(Talk2DinoError):
    """A model, device, precision or option that does not exist here."""


class WeightsError(Talk2DinoError):
    """A weights file that is missing, truncated, has the wrong sum or the wrong keys."""


class ImageError(Talk2DinoError):
    """An image that cannot be segmented; the stream goes on without it."""


class TrainingError(Talk2DinoError):
    """A recipe, captions, a feature store or a checkpoint that training cannot use; nothing done so far is lost."""


class ClusterError(Talk2DinoError):
    """A cluster that cannot be used, or that failed; what its workers have done stays, and is gone on from."""
